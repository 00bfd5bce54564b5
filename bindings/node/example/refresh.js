'use strict';

// Refreshes the cards that are given; the account is in the environment.

const eiot = require('../eiot.js');

(async () => {
  const client = eiot.Client.fromEnv({ timeout: 10 });
  for (const eid of process.argv.slice(2)) {
    try {
      const reply = await client.refreshUsage(eid);
      console.log(`${eid}: ${reply.message}`);
    } catch (error) {
      console.error(`${error.message} (${error.kind}, code ${error.code}, delivered ${error.delivered})`);
      process.exitCode = 1;
    }
  }
  client.close();
})();
