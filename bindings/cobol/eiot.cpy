      *> eiot: refresh the package usage of cloud eSIM cards.
      *>
      *>     COPY "eiot.cpy".                  (in WORKING-STORAGE)
      *>     CALL "EIOT-REFRESH" USING CARD-EID EIOT-REPLY
      *>     IF NOT EIOT-OK  DISPLAY EIOT-MESSAGE  END-IF
      *>
      *> eiot.cob lists the subprograms. Text is UTF-8, padded with
      *> spaces; longer text is truncated at a character boundary.
      *> To widen a field, change its picture here and recompile
      *> programs and eiot.cob.

      *> The result of a call. Every EIOT- subprogram sets it, and
      *> copies EIOT-STATUS to RETURN-CODE.
       01  EIOT-REPLY.
      *>     Treat a number without a condition name as a failure:
      *>     numbers never change, but new ones are added.
           05  EIOT-STATUS               PIC S9(9) COMP-5.
               88  EIOT-OK                   VALUE 0.
               88  EIOT-ERR-INVALID-ARGUMENT VALUE 1.
               88  EIOT-ERR-INVALID-EID      VALUE 2.
               88  EIOT-ERR-CONFIG           VALUE 3.
               88  EIOT-ERR-CONNECT          VALUE 20.
               88  EIOT-ERR-TLS              VALUE 21.
               88  EIOT-ERR-TIMEOUT          VALUE 22.
               88  EIOT-ERR-IO               VALUE 23.
               88  EIOT-ERR-CANCELLED        VALUE 24.
               88  EIOT-ERR-AUTH             VALUE 40.
               88  EIOT-ERR-RATE-LIMITED     VALUE 41.
               88  EIOT-ERR-COOLDOWN         VALUE 42.
               88  EIOT-ERR-PLATFORM         VALUE 43.
               88  EIOT-ERR-HTTP             VALUE 44.
               88  EIOT-ERR-PROTOCOL         VALUE 45.
               88  EIOT-ERR-UNAVAILABLE      VALUE 46.
               88  EIOT-ERR-SIGNATURE      VALUE 60.
               88  EIOT-ERR-INTERNAL         VALUE 99.
      *>     The same as a word: "ok", "timeout", "platform", ...;
      *>     "unknown" for a number that the library does not know.
           05  EIOT-KIND                 PIC X(24).
      *>     Whether the platform received the request. Check this
      *>     before you repeat a call.
           05  EIOT-DELIVERED            PIC X(8).
               88  EIOT-DELIVERED-NO         VALUE "no".
               88  EIOT-DELIVERED-YES        VALUE "yes".
               88  EIOT-DELIVERED-UNKNOWN    VALUE "unknown".
      *>     Whether the failure may pass by itself, and it is safe to
      *>     repeat this call.
           05  EIOT-RETRYABLE            PIC X.
               88  EIOT-IS-RETRYABLE         VALUE "Y".
               88  EIOT-IS-NOT-RETRYABLE     VALUE "N".
      *>     Whether the same call would fail again, no matter what
      *>     changes: for malformed EIDs, and for the platform's codes
      *>     for invalid requests.
           05  EIOT-FINAL                PIC X.
               88  EIOT-IS-FINAL             VALUE "Y".
               88  EIOT-IS-NOT-FINAL         VALUE "N".
      *>     The card, without padding; spaces where there is none.
      *>     A malformed EID is quoted and shortened.
           05  EIOT-EID                  PIC X(96).
      *>     In a batch: which card it is, 0 for the first that was
      *>     pushed; its EID as it was pushed; and whether the same
      *>     card came shortly before, so that this is its result and
      *>     nothing was sent.
           05  EIOT-INDEX                PIC S9(18) COMP-5.
           05  EIOT-INPUT                PIC X(96).
           05  EIOT-DUPLICATE            PIC X.
               88  EIOT-IS-DUPLICATE         VALUE "Y".
               88  EIOT-IS-NO-DUPLICATE      VALUE "N".
      *>     The platform's code, "200" when it accepted; spaces where
      *>     it gave none.
           05  EIOT-CODE                 PIC X(64).
      *>     Success: the platform's message. Failure: what happened,
      *>     and what to do; fit for a log, never with the secret.
           05  EIOT-MESSAGE              PIC X(1024).
      *>     The platform's error message, verbatim, often Chinese.
           05  EIOT-PLATFORM-MESSAGE     PIC X(512).
      *>     The HTTP status of the reply; 0 where there was none, and
      *>     on success.
           05  EIOT-HTTP-STATUS          PIC S9(9) COMP-5.
      *>     How many requests the call took.
           05  EIOT-ATTEMPTS             PIC S9(9) COMP-5.
      *>     How many milliseconds the platform asks to wait before
      *>     the next try; -1: it does not say.
           05  EIOT-RETRY-AFTER-MS       PIC S9(18) COMP-5.
      *>     The reply's data as JSON text, and how many bytes all of
      *>     it has: 0 for none, more than the field when it was cut.
           05  EIOT-DATA-LENGTH          PIC S9(18) COMP-5.
           05  EIOT-DATA                 PIC X(4096).

      *> A client of one account: made by EIOT-OPEN, ended by
      *> EIOT-CLOSE. Make one and keep it. A program with more than
      *> one account declares more fields like it.
       01  EIOT-CLIENT                   USAGE POINTER.

      *> The options of a client, as text; spaces: the default. Each is
      *> named as in the environment: EIOT-OPT-TIMEOUT is EIOT_TIMEOUT.
      *> INITIALIZE EIOT-OPTIONS takes all back.
       01  EIOT-OPTIONS.
      *>     Both are required, the secret here or in a file. EIOT-OPEN
      *>     puts spaces in its place.
           05  FILLER          PIC X(20)  VALUE "appkey".
           05  EIOT-OPT-APPKEY           PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "secret".
           05  EIOT-OPT-SECRET           PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "secret_file".
           05  EIOT-OPT-SECRET-FILE      PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "base_url".
           05  EIOT-OPT-BASE-URL         PIC X(256) VALUE SPACES.
      *>     Seconds, such as "2.5".
           05  FILLER          PIC X(20)  VALUE "timeout".
           05  EIOT-OPT-TIMEOUT          PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "connect_timeout".
           05  EIOT-OPT-CONNECT-TIMEOUT  PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "max_attempts".
           05  EIOT-OPT-MAX-ATTEMPTS     PIC X(256) VALUE SPACES.
      *>     Calls per second, or "off".
           05  FILLER          PIC X(20)  VALUE "rate_limit".
           05  EIOT-OPT-RATE-LIMIT       PIC X(256) VALUE SPACES.
      *>     "auto", "process", "host" or "redis://host:port/db".
           05  FILLER          PIC X(20)  VALUE "rate_scope".
           05  EIOT-OPT-RATE-SCOPE       PIC X(256) VALUE SPACES.
      *>     The directory of the shared rate file.
           05  FILLER          PIC X(20)  VALUE "rate_dir".
           05  EIOT-OPT-RATE-DIR         PIC X(256) VALUE SPACES.
      *>     "2/5" is the second of five.
           05  FILLER          PIC X(20)  VALUE "rate_share".
           05  EIOT-OPT-RATE-SHARE       PIC X(256) VALUE SPACES.
      *>     "on" or "off".
           05  FILLER          PIC X(20)  VALUE "rate_wait".
           05  EIOT-OPT-RATE-WAIT        PIC X(256) VALUE SPACES.
      *>     Seconds.
           05  FILLER          PIC X(20)  VALUE "eid_cooldown".
           05  EIOT-OPT-EID-COOLDOWN     PIC X(256) VALUE SPACES.
      *>     "on" or "off".
           05  FILLER          PIC X(20)  VALUE "strict_eid".
           05  EIOT-OPT-STRICT-EID       PIC X(256) VALUE SPACES.
      *>     "on": accept EIDs that a spreadsheet has rounded.
           05  FILLER          PIC X(20)  VALUE "allow_rounded_eid".
           05  EIOT-OPT-ALLOW-ROUNDED-EID PIC X(256) VALUE SPACES.
      *>     "sha1" or "md5".
           05  FILLER          PIC X(20)  VALUE "sign_method".
           05  EIOT-OPT-SIGN-METHOD      PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "ca_file".
           05  EIOT-OPT-CA-FILE          PIC X(256) VALUE SPACES.
      *>     A PEM certificate chain and its private key (mutual TLS).
           05  FILLER          PIC X(20)  VALUE "client_cert_file".
           05  EIOT-OPT-CLIENT-CERT-FILE PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "client_key_file".
           05  EIOT-OPT-CLIENT-KEY-FILE  PIC X(256) VALUE SPACES.
      *>     "http://[user:password@]host:port", or https, socks5 or
      *>     socks5h; "env" reads the environment.
           05  FILLER          PIC X(20)  VALUE "proxy".
           05  EIOT-OPT-PROXY            PIC X(256) VALUE SPACES.
      *>     The local IP address to connect from.
           05  FILLER          PIC X(20)  VALUE "source_address".
           05  EIOT-OPT-SOURCE-ADDRESS   PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "user_agent_suffix".
           05  EIOT-OPT-USER-AGENT-SUFFIX PIC X(256) VALUE SPACES.
      *>     "on" or "off", both.
           05  FILLER          PIC X(20)  VALUE "allow_http".
           05  EIOT-OPT-ALLOW-HTTP       PIC X(256) VALUE SPACES.
           05  FILLER          PIC X(20)  VALUE "clock_skew".
           05  EIOT-OPT-CLOCK-SKEW       PIC X(256) VALUE SPACES.
      *>     "CODE=KIND,CODE=KIND" with the kinds auth, rate_limited,
      *>     cooldown, unavailable, platform, final and retry.
           05  FILLER          PIC X(20)  VALUE "error_codes".
           05  EIOT-OPT-ERROR-CODES            PIC X(256) VALUE SPACES.
      *>     Refusals of the account in a row that stop a batch, or
      *>     "off".
           05  FILLER          PIC X(20)  VALUE "max_auth_failures".
           05  EIOT-OPT-MAX-AUTH-FAILURES
                                         PIC X(256) VALUE SPACES.
      *>     Seconds that a batch waits for a platform that cannot be
      *>     reached, or "off".
           05  FILLER          PIC X(20)  VALUE "outage_timeout".
           05  EIOT-OPT-OUTAGE-TIMEOUT   PIC X(256) VALUE SPACES.
      *>     Ends the table.
           05  FILLER                    PIC X(276) VALUE SPACES.
       01  EIOT-OPTION-TABLE REDEFINES EIOT-OPTIONS.
           05  EIOT-OPTION OCCURS 28 TIMES.
               10  EIOT-OPTION-NAME      PIC X(20).
               10  EIOT-OPTION-VALUE     PIC X(256).

      *> Many cards, with many calls in flight: made by
      *> EIOT-BATCH-OPEN, ended by EIOT-BATCH-CLOSE.
       01  EIOT-BATCH.
           05  EIOT-BATCH-POINTER        USAGE POINTER.
      *>     Maximum number of calls in flight, 1 to 1024; 0: 32. Read
      *>     by EIOT-BATCH-OPEN.
           05  EIOT-BATCH-CONCURRENCY    PIC 9(9) COMP-5 VALUE 0.
           05  EIOT-BATCH-ROOM           PIC S9(9) COMP-5.
               88  EIOT-BATCH-FULL           VALUE 0.
           05  EIOT-BATCH-STATE          PIC S9(9) COMP-5.
               88  EIOT-BATCH-GOING-ON       VALUE 0.
               88  EIOT-BATCH-AT-END         VALUE 1.
      *>     EIDs pushed so far, and those among them for which nothing
      *>     was sent since they had come shortly before.
           05  EIOT-BATCH-GIVEN          PIC S9(18) COMP-5.
           05  EIOT-BATCH-DUPLICATES     PIC S9(18) COMP-5.

      *> How EIOT-VERIFY-WEBHOOK and EIOT-SIGN go about it: the
      *> hash, and how many milliseconds a webhook's timestamp
      *> may be away from this machine's clock (0: any number).
       01  EIOT-SIGNING.
           05  EIOT-SIGN-METHOD          PIC S9(9) COMP-5 VALUE 1.
               88  EIOT-SIGN-SHA1            VALUE 1.
               88  EIOT-SIGN-MD5             VALUE 2.
           05  EIOT-MAX-AGE-MS           PIC 9(18) COMP-5 VALUE 0.

      *> What EIOT-SIGN signs, spaces where there is no more, and the
      *> signature that it gives, in upper-case hex.
       01  EIOT-PARAMETERS.
           05  EIOT-SIGNATURE            PIC X(40).
           05  EIOT-PARAMETER OCCURS 32 TIMES.
               10  EIOT-PARAMETER-NAME   PIC X(32).
               10  EIOT-PARAMETER-VALUE  PIC X(256).
