      *> Drives the COBOL wrapper for tests/test_bindings.py, which
      *> says what the arguments are.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. DRIVER.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "eiot.cpy".
       01  ARGUMENTS-LEFT                PIC S9(9) COMP-5.
       01  ARGUMENT                      PIC X(8192).
       01  ARGUMENT-LENGTH               PIC 9(9) COMP-5.
       01  VERB                          PIC X(16) VALUE "refresh".
       01  FROM-ENVIRONMENT              PIC X VALUE "Y".
       01  OPTION-NAME                   PIC X(32).
       01  NAME-LENGTH                   PIC 9(9) COMP-5.
       01  VALUE-START                   PIC 9(9) COMP-5.
       01  WHICH                         PIC 9(9) COMP-5.
       01  CALL-PATH                     PIC X(256).
       01  PARAMETERS                    PIC X(8192).
       01  SECRET                        PIC X(256).
       01  IDEMPOTENT                    PIC X VALUE "N".
       01  BYTES                         PIC X(256).
       01  HEX-DIGITS                    PIC X(16)
                                         VALUE "0123456789abcdef".
       01  HIGH-DIGIT                    PIC 9(9) COMP-5.
       01  LOW-DIGIT                     PIC 9(9) COMP-5.
       01  BYTE-NUMBER                   PIC 9(9) COMP-5.
       01  NUMBER-TEXT                   PIC -(18)9.
       01  DERIVED-CLIENT                USAGE POINTER.
       PROCEDURE DIVISION.
           ACCEPT ARGUMENTS-LEFT FROM ARGUMENT-NUMBER
           PERFORM NEXT-ARGUMENT
           EVALUATE ARGUMENT
               WHEN "batch"
               WHEN "call"
               WHEN "derived"
               WHEN "stats"
               WHEN "verify"
               WHEN "sign"
               WHEN "statuses"
               WHEN "options"
               WHEN "closed"
               WHEN "shown"
                   MOVE ARGUMENT TO VERB
                   PERFORM NEXT-ARGUMENT
           END-EVALUATE
           PERFORM UNTIL ARGUMENT = "--" OR ARGUMENTS-LEFT < 0
               PERFORM TAKE-OPTION
               PERFORM NEXT-ARGUMENT
           END-PERFORM
           EVALUATE VERB
               WHEN "statuses"
                   PERFORM SAY-STATUS VARYING EIOT-STATUS FROM 0 BY 1
                       UNTIL EIOT-STATUS > 200
               WHEN "options"
                   PERFORM SAY-OPTIONS
               WHEN "verify"
                   PERFORM VERIFY-WEBHOOK
               WHEN "sign"
                   PERFORM SIGN-PARAMETERS
               WHEN OTHER
                   PERFORM CALL-THE-PLATFORM
           END-EVALUATE
           STOP RUN RETURNING 0.

       CALL-THE-PLATFORM.
           IF FROM-ENVIRONMENT = "N"
               CALL "EIOT-OPEN"
                   USING EIOT-CLIENT EIOT-OPTIONS EIOT-REPLY
               IF NOT EIOT-OK
                   PERFORM SAY-OUTCOME
                   STOP RUN RETURNING 0
               END-IF
           END-IF
           EVALUATE VERB
               WHEN "refresh"
                   PERFORM REFRESH-ONE UNTIL ARGUMENTS-LEFT = 0
               WHEN "batch"
                   PERFORM REFRESH-MANY
               WHEN "call"
                   PERFORM MAKE-CALL
               WHEN "derived"
                   PERFORM REFRESH-DERIVED
               WHEN "stats"
                   PERFORM REFRESH-ONE UNTIL ARGUMENTS-LEFT = 0
                   CALL "EIOT-STATS" USING EIOT-CLIENT EIOT-REPLY
                   DISPLAY '{"stats": '
                       FUNCTION TRIM(EIOT-DATA) "}"
               WHEN "closed"
                   CALL "EIOT-CLOSE" USING EIOT-CLIENT EIOT-REPLY
                   CALL "EIOT-CLOSE" USING EIOT-CLIENT EIOT-REPLY
                   CALL "EIOT-CLIENT-REFRESH"
                       USING EIOT-CLIENT "1" EIOT-REPLY
                   PERFORM SAY-OUTCOME
               WHEN "shown"
                   DISPLAY '{"client": "' EIOT-CLIENT '"' NO ADVANCING
                   CALL "SAY-TEXT" USING "shown" EIOT-OPTIONS
                   DISPLAY "}"
           END-EVALUATE
           CALL "EIOT-CLOSE" USING EIOT-CLIENT EIOT-REPLY.

       REFRESH-ONE.
           PERFORM NEXT-ARGUMENT
           IF ARGUMENT(1:4) = "hex:"
               PERFORM DECODE-BYTES
           END-IF
           IF FROM-ENVIRONMENT = "Y"
               CALL "EIOT-REFRESH" USING ARGUMENT EIOT-REPLY
           ELSE
               CALL "EIOT-CLIENT-REFRESH"
                   USING EIOT-CLIENT ARGUMENT EIOT-REPLY
           END-IF
           PERFORM SAY-OUTCOME.

       REFRESH-MANY.
           MOVE 8 TO EIOT-BATCH-CONCURRENCY
           CALL "EIOT-BATCH-OPEN"
               USING EIOT-BATCH EIOT-CLIENT EIOT-REPLY
           PERFORM UNTIL EIOT-BATCH-AT-END
               PERFORM UNTIL EIOT-BATCH-FULL OR ARGUMENTS-LEFT = 0
                   PERFORM NEXT-ARGUMENT
                   CALL "EIOT-BATCH-PUSH"
                       USING EIOT-BATCH ARGUMENT EIOT-REPLY
               END-PERFORM
               CALL "EIOT-BATCH-NEXT" USING EIOT-BATCH EIOT-REPLY
               IF NOT EIOT-BATCH-AT-END
                   PERFORM SAY-RESULT
               END-IF
           END-PERFORM
           CALL "EIOT-BATCH-CLOSE" USING EIOT-BATCH EIOT-REPLY.

      *> NAME VALUE EID: with a derived client, and without.
       REFRESH-DERIVED.
           INITIALIZE EIOT-OPTIONS
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO OPTION-NAME
           PERFORM NEXT-ARGUMENT
           PERFORM FIND-OPTION
           MOVE ARGUMENT TO EIOT-OPTION-VALUE(WHICH)
           CALL "EIOT-DERIVE" USING DERIVED-CLIENT EIOT-CLIENT
               EIOT-OPTIONS EIOT-REPLY
           IF NOT EIOT-OK
               PERFORM SAY-OUTCOME
               STOP RUN RETURNING 0
           END-IF
           PERFORM NEXT-ARGUMENT
           CALL "EIOT-CLIENT-REFRESH"
               USING DERIVED-CLIENT ARGUMENT EIOT-REPLY
           PERFORM SAY-OUTCOME
           CALL "EIOT-CLOSE" USING DERIVED-CLIENT EIOT-REPLY
           CALL "EIOT-CLIENT-REFRESH"
               USING EIOT-CLIENT ARGUMENT EIOT-REPLY
           PERFORM SAY-OUTCOME.

       MAKE-CALL.
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO CALL-PATH
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO PARAMETERS
           IF ARGUMENTS-LEFT > 0
               MOVE "Y" TO IDEMPOTENT
           END-IF
           CALL "EIOT-CALL" USING EIOT-CLIENT CALL-PATH PARAMETERS
               IDEMPOTENT EIOT-REPLY
           PERFORM SAY-OUTCOME.

       VERIFY-WEBHOOK.
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO PARAMETERS
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO SECRET
           PERFORM NEXT-ARGUMENT
           PERFORM CHOOSE-METHOD
           PERFORM NEXT-ARGUMENT
           MOVE FUNCTION NUMVAL(ARGUMENT) TO EIOT-MAX-AGE-MS
           CALL "EIOT-VERIFY-WEBHOOK"
               USING EIOT-SIGNING PARAMETERS SECRET EIOT-REPLY
           IF EIOT-OK
               DISPLAY '{"ok": true, "status": 0}'
           ELSE
               PERFORM SAY-OUTCOME
           END-IF.

       SIGN-PARAMETERS.
           PERFORM NEXT-ARGUMENT
           MOVE ARGUMENT TO SECRET
           PERFORM NEXT-ARGUMENT
           PERFORM CHOOSE-METHOD
           INITIALIZE EIOT-PARAMETERS
           PERFORM VARYING WHICH FROM 1 BY 1 UNTIL ARGUMENTS-LEFT = 0
               PERFORM NEXT-ARGUMENT
               PERFORM SPLIT-ARGUMENT
               MOVE OPTION-NAME TO EIOT-PARAMETER-NAME(WHICH)
               MOVE ARGUMENT(VALUE-START:)
                   TO EIOT-PARAMETER-VALUE(WHICH)
           END-PERFORM
           CALL "EIOT-SIGN"
               USING EIOT-SIGNING EIOT-PARAMETERS SECRET EIOT-REPLY
           IF EIOT-OK
               DISPLAY '{"sign": "' FUNCTION TRIM(EIOT-SIGNATURE) '"}'
           ELSE
               PERFORM SAY-OUTCOME
           END-IF.

       CHOOSE-METHOD.
           SET EIOT-SIGN-SHA1 TO TRUE
           IF ARGUMENT = "md5"
               SET EIOT-SIGN-MD5 TO TRUE
           END-IF.

       NEXT-ARGUMENT.
           SUBTRACT 1 FROM ARGUMENTS-LEFT
           MOVE SPACES TO ARGUMENT
           IF ARGUMENTS-LEFT >= 0
               ACCEPT ARGUMENT FROM ARGUMENT-VALUE
           END-IF.

      *> NAME=VALUE: the name, and where the value begins.
       SPLIT-ARGUMENT.
           MOVE 0 TO NAME-LENGTH
           INSPECT ARGUMENT TALLYING NAME-LENGTH
               FOR CHARACTERS BEFORE INITIAL "="
           MOVE ARGUMENT(1:NAME-LENGTH) TO OPTION-NAME
           COMPUTE VALUE-START = NAME-LENGTH + 2.

       TAKE-OPTION.
           MOVE "N" TO FROM-ENVIRONMENT
           PERFORM SPLIT-ARGUMENT
           PERFORM FIND-OPTION
           MOVE ARGUMENT(VALUE-START:) TO EIOT-OPTION-VALUE(WHICH).

       FIND-OPTION.
           PERFORM VARYING WHICH FROM 1 BY 1
                   UNTIL EIOT-OPTION-NAME(WHICH) = SPACES
                   OR EIOT-OPTION-NAME(WHICH) = OPTION-NAME
               CONTINUE
           END-PERFORM
           IF EIOT-OPTION-NAME(WHICH) = SPACES
               STOP RUN RETURNING 3
           END-IF.

      *> "hex:8904ff" stands for three bytes.
       DECODE-BYTES.
           MOVE FUNCTION STORED-CHAR-LENGTH(ARGUMENT)
               TO ARGUMENT-LENGTH
           MOVE SPACES TO BYTES
           PERFORM VARYING WHICH FROM 1 BY 1
                   UNTIL WHICH * 2 + 4 > ARGUMENT-LENGTH
               MOVE 0 TO HIGH-DIGIT LOW-DIGIT
               INSPECT HEX-DIGITS TALLYING HIGH-DIGIT FOR CHARACTERS
                   BEFORE INITIAL ARGUMENT(WHICH * 2 + 3:1)
               INSPECT HEX-DIGITS TALLYING LOW-DIGIT FOR CHARACTERS
                   BEFORE INITIAL ARGUMENT(WHICH * 2 + 4:1)
               COMPUTE BYTE-NUMBER = HIGH-DIGIT * 16 + LOW-DIGIT + 1
               MOVE FUNCTION CHAR(BYTE-NUMBER) TO BYTES(WHICH:1)
           END-PERFORM
           MOVE BYTES TO ARGUMENT.

      *> The number that each condition name stands for.
       SAY-STATUS.
           MOVE SPACES TO EIOT-KIND
           EVALUATE TRUE
               WHEN EIOT-OK
                   MOVE "ok" TO EIOT-KIND
               WHEN EIOT-ERR-INVALID-ARGUMENT
                   MOVE "invalid_argument" TO EIOT-KIND
               WHEN EIOT-ERR-INVALID-EID
                   MOVE "invalid_eid" TO EIOT-KIND
               WHEN EIOT-ERR-CONFIG
                   MOVE "config" TO EIOT-KIND
               WHEN EIOT-ERR-CONNECT
                   MOVE "connect" TO EIOT-KIND
               WHEN EIOT-ERR-TLS
                   MOVE "tls" TO EIOT-KIND
               WHEN EIOT-ERR-TIMEOUT
                   MOVE "timeout" TO EIOT-KIND
               WHEN EIOT-ERR-IO
                   MOVE "connection_lost" TO EIOT-KIND
               WHEN EIOT-ERR-CANCELLED
                   MOVE "cancelled" TO EIOT-KIND
               WHEN EIOT-ERR-AUTH
                   MOVE "auth" TO EIOT-KIND
               WHEN EIOT-ERR-RATE-LIMITED
                   MOVE "rate_limited" TO EIOT-KIND
               WHEN EIOT-ERR-COOLDOWN
                   MOVE "cooldown" TO EIOT-KIND
               WHEN EIOT-ERR-PLATFORM
                   MOVE "platform" TO EIOT-KIND
               WHEN EIOT-ERR-HTTP
                   MOVE "http" TO EIOT-KIND
               WHEN EIOT-ERR-PROTOCOL
                   MOVE "protocol" TO EIOT-KIND
               WHEN EIOT-ERR-UNAVAILABLE
                   MOVE "unavailable" TO EIOT-KIND
               WHEN EIOT-ERR-SIGNATURE
                   MOVE "invalid_signature" TO EIOT-KIND
               WHEN EIOT-ERR-INTERNAL
                   MOVE "internal" TO EIOT-KIND
           END-EVALUATE
           IF EIOT-KIND NOT = SPACES
               MOVE EIOT-STATUS TO NUMBER-TEXT
               DISPLAY '{"status": ' FUNCTION TRIM(NUMBER-TEXT)
                   ', "kind": "' FUNCTION TRIM(EIOT-KIND) '"}'
           END-IF.

       SAY-OPTIONS.
           DISPLAY '{"options": [' NO ADVANCING
           PERFORM VARYING WHICH FROM 1 BY 1
                   UNTIL EIOT-OPTION-NAME(WHICH) = SPACES
               IF WHICH > 1
                   DISPLAY ", " NO ADVANCING
               END-IF
               DISPLAY '"' FUNCTION TRIM(EIOT-OPTION-NAME(WHICH)) '"'
                   NO ADVANCING
           END-PERFORM
           DISPLAY "]}".

       SAY-OUTCOME.
           PERFORM SAY-START
           PERFORM SAY-MEMBERS.

       SAY-RESULT.
           PERFORM SAY-START
           MOVE EIOT-INDEX TO NUMBER-TEXT
           DISPLAY ', "index": ' FUNCTION TRIM(NUMBER-TEXT)
               NO ADVANCING
           CALL "SAY-TEXT" USING "input" EIOT-INPUT
           IF EIOT-IS-DUPLICATE
               DISPLAY ', "duplicate": true' NO ADVANCING
           ELSE
               DISPLAY ', "duplicate": false' NO ADVANCING
           END-IF
           PERFORM SAY-MEMBERS.

       SAY-START.
           MOVE EIOT-STATUS TO NUMBER-TEXT
           DISPLAY '{"status": ' FUNCTION TRIM(NUMBER-TEXT)
               NO ADVANCING.

       SAY-MEMBERS.
           IF EIOT-OK
               DISPLAY ', "ok": true' NO ADVANCING
           ELSE
               DISPLAY ', "ok": false' NO ADVANCING
               IF EIOT-IS-RETRYABLE
                   DISPLAY ', "retryable": true' NO ADVANCING
               ELSE
                   DISPLAY ', "retryable": false' NO ADVANCING
               END-IF
               CALL "SAY-TEXT" USING "kind" EIOT-KIND
               CALL "SAY-TEXT" USING "platform_message"
                   EIOT-PLATFORM-MESSAGE
               MOVE EIOT-HTTP-STATUS TO NUMBER-TEXT
               DISPLAY ', "http_status": ' FUNCTION TRIM(NUMBER-TEXT)
                   NO ADVANCING
               MOVE EIOT-RETRY-AFTER-MS TO NUMBER-TEXT
               DISPLAY ', "retry_after_ms": '
                   FUNCTION TRIM(NUMBER-TEXT) NO ADVANCING
               EVALUATE TRUE
                   WHEN EIOT-DELIVERED-NO
                       DISPLAY ', "delivered": 0' NO ADVANCING
                   WHEN EIOT-DELIVERED-YES
                       DISPLAY ', "delivered": 1' NO ADVANCING
                   WHEN EIOT-DELIVERED-UNKNOWN
                       DISPLAY ', "delivered": 2' NO ADVANCING
               END-EVALUATE
               IF EIOT-IS-FINAL
                   DISPLAY ', "final": true' NO ADVANCING
               ELSE
                   DISPLAY ', "final": false' NO ADVANCING
               END-IF
           END-IF
           CALL "SAY-TEXT" USING "message" EIOT-MESSAGE
           IF EIOT-OK AND EIOT-EID = SPACES
               DISPLAY ', "eid": ""' NO ADVANCING
           ELSE
               CALL "SAY-TEXT" USING "eid" EIOT-EID
           END-IF
           CALL "SAY-TEXT" USING "code" EIOT-CODE
           CALL "SAY-TEXT" USING "data_json" EIOT-DATA
           MOVE EIOT-ATTEMPTS TO NUMBER-TEXT
           DISPLAY ', "attempts": ' FUNCTION TRIM(NUMBER-TEXT) "}".
       END PROGRAM DRIVER.

      *> A field as a member of a JSON object; spaces are null.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. SAY-TEXT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  TEXT-LENGTH                   PIC 9(9) COMP-5.
       LINKAGE SECTION.
       01  MEMBER-NAME                   PIC X ANY LENGTH.
       01  TEXT-FIELD                    PIC X ANY LENGTH.
       PROCEDURE DIVISION USING MEMBER-NAME TEXT-FIELD.
           DISPLAY ', "' MEMBER-NAME '": ' NO ADVANCING
           MOVE FUNCTION STORED-CHAR-LENGTH(TEXT-FIELD) TO TEXT-LENGTH
           IF TEXT-LENGTH = 0
               DISPLAY "null" NO ADVANCING
           ELSE
               DISPLAY '"' FUNCTION SUBSTITUTE
                   (TEXT-FIELD(1:TEXT-LENGTH), "\", "\\", '"', '\"',
                   X"0A", "\n", X"0D", "\r", X"09", "\t",
                   X"1B", "\u001b") '"'
                   NO ADVANCING
           END-IF
           GOBACK.
       END PROGRAM SAY-TEXT.
