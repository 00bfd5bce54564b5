/* The search takes a word that begins with "-" for one that must not occur, but a reader who types --journal means the flag. */
const send = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...more) {
  // 2 is a query.
  if (message && message.type === 2 && typeof message.data === "string") {
    message = { ...message, data: message.data.replace(/(^|\s)-+(?=\w)/g, "$1") };
  }
  return send.call(this, message, ...more);
};
