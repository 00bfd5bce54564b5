      *> The subprograms of eiot for COBOL, over the C library libeiot.
      *>
      *>     cobc -x billing.cob eiot.cob -leiot
      *>
      *> Records and condition names are in eiot.cpy. Where X(n) stands
      *> below, a field or literal of any width does; spaces at its end
      *> do not count. Each fills EIOT-REPLY, and leaves EIOT-STATUS in
      *> RETURN-CODE: 0, or which failure it is.
      *>
      *> EIOT-REFRESH         X(n) EID, EIOT-REPLY
      *> EIOT-OPEN            EIOT-CLIENT, EIOT-OPTIONS, EIOT-REPLY
      *> EIOT-OPEN-FROM-ENV   EIOT-CLIENT, EIOT-REPLY
      *> EIOT-DERIVE          POINTER, EIOT-CLIENT, EIOT-OPTIONS,
      *>                      EIOT-REPLY
      *> EIOT-CLIENT-REFRESH  EIOT-CLIENT, X(n) EID, EIOT-REPLY
      *> EIOT-CALL            EIOT-CLIENT, X(n) path,
      *>                      X(n) JSON object, X "Y" or "N", EIOT-REPLY
      *> EIOT-STATS           EIOT-CLIENT, EIOT-REPLY
      *> EIOT-CLOSE           EIOT-CLIENT, EIOT-REPLY
      *> EIOT-BATCH-OPEN      EIOT-BATCH, EIOT-CLIENT, EIOT-REPLY
      *> EIOT-BATCH-PUSH      EIOT-BATCH, X(n) EID, EIOT-REPLY
      *> EIOT-BATCH-NEXT      EIOT-BATCH, EIOT-REPLY
      *> EIOT-BATCH-CLOSE     EIOT-BATCH, EIOT-REPLY
      *> EIOT-VERIFY-WEBHOOK
      *>                      EIOT-SIGNING, X(n) body, X(n) secret,
      *>                      EIOT-REPLY
      *> EIOT-SIGN            EIOT-SIGNING, EIOT-PARAMETERS,
      *>                      X(n) secret, EIOT-REPLY
      *> EIOT-VERSION         X(n) version

      *> Refreshes a card, configured by the environment: EIOT_APPKEY,
      *> EIOT_SECRET and so on. The first call makes a client, which
      *> the whole run then uses. Waits at most EIOT_TIMEOUT seconds.
      *> Of a success it tells no more than that.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-REFRESH.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  EID-LENGTH                    PIC 9(18) COMP-5.
       LINKAGE SECTION.
       01  EID                           PIC X ANY LENGTH.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EID EIOT-REPLY.
           SET REPLY-POINTER TO NULL
           MOVE FUNCTION STORED-CHAR-LENGTH(EID) TO EID-LENGTH
           CALL STATIC "eiot_refresh_usage_n" USING
               BY REFERENCE EID BY VALUE SIZE 8 EID-LENGTH
               BY REFERENCE ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           IF EIOT-OK
               SET EIOT-DELIVERED-YES TO TRUE
           END-IF
           GOBACK.
       END PROGRAM EIOT-REFRESH.

      *> Makes a client with options of the program's own, and takes
      *> the secret out of them, so that no dump of the program shows
      *> it. EIOT-ERR-CONFIG: the message names the option that cannot
      *> be used.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-OPEN.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  CONFIG-POINTER                USAGE POINTER.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT EIOT-OPTIONS EIOT-REPLY.
           SET EIOT-CLIENT REPLY-POINTER TO NULL
           CALL STATIC "eiot_config_new" USING
               BY REFERENCE CONFIG-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-SET-OPTIONS" USING CONFIG-POINTER EIOT-OPTIONS
               CALL-STATUS ERROR-POINTER
           IF CALL-STATUS = 0
               CALL STATIC "eiot_client_new" USING
                   BY VALUE CONFIG-POINTER
                   BY REFERENCE EIOT-CLIENT ERROR-POINTER
                   RETURNING CALL-STATUS
           END-IF
           CALL STATIC "eiot_config_free" USING
               BY VALUE CONFIG-POINTER RETURNING OMITTED
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-OPEN.

      *> Makes a client with the options that are not spaces, and
      *> otherwise those of EIOT-CLIENT, with which it shares
      *> connections and rate: for calls that need another timeout,
      *> for example. EIOT-CLOSE it as well.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-DERIVE.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  CONFIG-POINTER                USAGE POINTER.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       01  DERIVED-CLIENT                USAGE POINTER.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING DERIVED-CLIENT EIOT-CLIENT EIOT-OPTIONS
               EIOT-REPLY.
           SET DERIVED-CLIENT REPLY-POINTER TO NULL
           CALL STATIC "eiot_config_from_client" USING
               BY VALUE EIOT-CLIENT
               BY REFERENCE CONFIG-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-SET-OPTIONS" USING CONFIG-POINTER EIOT-OPTIONS
               CALL-STATUS ERROR-POINTER
           IF CALL-STATUS = 0
               CALL STATIC "eiot_client_with_options" USING
                   BY VALUE EIOT-CLIENT CONFIG-POINTER
                   BY REFERENCE DERIVED-CLIENT ERROR-POINTER
                   RETURNING CALL-STATUS
           END-IF
           CALL STATIC "eiot_config_free" USING
               BY VALUE CONFIG-POINTER RETURNING OMITTED
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-DERIVE.

      *> Makes a client configured by the environment: EIOT_APPKEY,
      *> EIOT_SECRET and so on.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-OPEN-FROM-ENV.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  CONFIG-POINTER                USAGE POINTER.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT EIOT-REPLY.
           SET EIOT-CLIENT REPLY-POINTER TO NULL
           CALL STATIC "eiot_config_from_env" USING
               BY REFERENCE CONFIG-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           IF CALL-STATUS = 0
               CALL STATIC "eiot_client_new" USING
                   BY VALUE CONFIG-POINTER
                   BY REFERENCE EIOT-CLIENT ERROR-POINTER
                   RETURNING CALL-STATUS
           END-IF
           CALL STATIC "eiot_config_free" USING
               BY VALUE CONFIG-POINTER RETURNING OMITTED
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-OPEN-FROM-ENV.

      *> Refreshes a card with a client of the program's own. Waits at
      *> most EIOT-OPT-TIMEOUT seconds.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-CLIENT-REFRESH.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  EID-LENGTH                    PIC 9(18) COMP-5.
       LINKAGE SECTION.
       01  EID                           PIC X ANY LENGTH.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT EID EIOT-REPLY.
           MOVE FUNCTION STORED-CHAR-LENGTH(EID) TO EID-LENGTH
           CALL STATIC "eiot_client_refresh_usage_with_cancel" USING
               BY VALUE EIOT-CLIENT
               BY REFERENCE EID BY VALUE SIZE 8 EID-LENGTH
               BY REFERENCE OMITTED
               BY REFERENCE REPLY-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-CLIENT-REFRESH.

      *> Makes any other signed call of the platform, such as
      *> "/api/v3/cloudesim/get" with '{"eid": "8904..."}'. appkey,
      *> timestamp, nonce and sign are added. "Y": the call is
      *> idempotent, so it is retried if its reply is lost.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-CALL.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  PATH-LENGTH                   PIC 9(18) COMP-5.
       01  PARAMETERS-LENGTH             PIC 9(18) COMP-5.
       01  REPEATABLE                    PIC S9(9) COMP-5.
       LINKAGE SECTION.
       01  CALL-PATH                     PIC X ANY LENGTH.
       01  PARAMETERS                    PIC X ANY LENGTH.
       01  IDEMPOTENT                    PIC X.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT CALL-PATH PARAMETERS
               IDEMPOTENT EIOT-REPLY.
           MOVE FUNCTION STORED-CHAR-LENGTH(CALL-PATH)
               TO PATH-LENGTH
           MOVE FUNCTION LENGTH(PARAMETERS) TO PARAMETERS-LENGTH
           MOVE 0 TO REPEATABLE
           IF IDEMPOTENT = "Y"
               MOVE 1 TO REPEATABLE
           END-IF
           CALL STATIC "eiot_client_call" USING
               BY VALUE EIOT-CLIENT
               BY REFERENCE CALL-PATH BY VALUE SIZE 8 PATH-LENGTH
               BY REFERENCE PARAMETERS BY VALUE SIZE 8 PARAMETERS-LENGTH
               BY VALUE SIZE 4 REPEATABLE
               BY REFERENCE OMITTED
               BY REFERENCE REPLY-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-CALL.

      *> The counters of a client and of those that share its
      *> connections, as JSON text in EIOT-DATA: calls, attempts,
      *> errors by kind, retries, waits.
      *> docs/statistics.md of eiot describes its members.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-STATS.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  TEXT-POINTER                  USAGE POINTER.
       01  RETURNED                      USAGE POINTER.
       01  RETURNED-NUMBER REDEFINES RETURNED
                                         PIC S9(18) COMP-5.
      *> C wants a NUL after the text, and so one byte more.
       01  C-TEXT                        PIC X(4097).
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT EIOT-REPLY.
           MOVE 0 TO CALL-STATUS
           SET REPLY-POINTER ERROR-POINTER TO NULL
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           MOVE LOW-VALUES TO C-TEXT
           CALL STATIC "eiot_client_stats_json" USING
               BY VALUE EIOT-CLIENT
               BY REFERENCE C-TEXT
               BY VALUE SIZE 8 LENGTH OF C-TEXT
               RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-DATA-LENGTH
           SET TEXT-POINTER TO ADDRESS OF C-TEXT
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-DATA
           GOBACK.
       END PROGRAM EIOT-STATS.

      *> Closes a client. Later calls with it fail; closing it again
      *> has no effect.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-CLOSE.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-CLIENT EIOT-REPLY.
           MOVE 0 TO CALL-STATUS
           SET REPLY-POINTER ERROR-POINTER TO NULL
           CALL STATIC "eiot_client_free" USING
               BY VALUE EIOT-CLIENT RETURNING OMITTED
           SET EIOT-CLIENT TO NULL
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-CLOSE.

      *> Creates a batch; sends nothing. It keeps working when the
      *> client is closed.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-BATCH-OPEN.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-BATCH EIOT-CLIENT EIOT-REPLY.
           SET REPLY-POINTER TO NULL
           CALL STATIC "eiot_batch_new" USING
               BY VALUE EIOT-CLIENT
               BY VALUE EIOT-BATCH-CONCURRENCY
               BY REFERENCE OMITTED
               BY REFERENCE EIOT-BATCH-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           SET EIOT-BATCH-GOING-ON TO TRUE
           IF EIOT-BATCH-POINTER = NULL
               SET EIOT-BATCH-AT-END TO TRUE
           END-IF
           CALL "EIOT-BATCH-LOOK" USING EIOT-BATCH
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-BATCH-OPEN.

      *> Adds a card; sends nothing yet. Push until EIOT-BATCH-FULL.
      *> Each card comes back from EIOT-BATCH-NEXT exactly once.
      *> A malformed EID comes back from EIOT-BATCH-NEXT as a failure.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-BATCH-PUSH.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  EID-LENGTH                    PIC 9(18) COMP-5.
       LINKAGE SECTION.
       01  EID                           PIC X ANY LENGTH.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-BATCH EID EIOT-REPLY.
           SET REPLY-POINTER TO NULL
           MOVE FUNCTION STORED-CHAR-LENGTH(EID) TO EID-LENGTH
           CALL STATIC "eiot_batch_push" USING
               BY VALUE EIOT-BATCH-POINTER
               BY REFERENCE EID BY VALUE SIZE 8 EID-LENGTH
               BY VALUE SIZE 8 EIOT-BATCH-GIVEN
               BY REFERENCE ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-BATCH-LOOK" USING EIOT-BATCH
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-BATCH-PUSH.

      *> Waits for the next result, in order of completion: EIOT-INDEX,
      *> EIOT-INPUT and EIOT-STATUS. EIOT-BATCH-AT-END: all cards that
      *> were pushed have come back, and EIOT-REPLY has no result.
      *>
      *> A batch that cannot succeed stops itself, see
      *> EIOT-OPT-MAX-AUTH-FAILURES and EIOT-OPT-OUTAGE-TIMEOUT: all
      *> remaining cards then come back as the same failure, with
      *> EIOT-ATTEMPTS 0, and EIOT-MESSAGE says why they were not sent.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-BATCH-NEXT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  RESULT-POINTER                USAGE POINTER.
       01  TEXT-POINTER                  USAGE POINTER.
       01  RETURNED                      USAGE POINTER.
       01  RETURNED-NUMBER REDEFINES RETURNED
                                         PIC S9(18) COMP-5.
       01  FOREVER                       PIC S9(18) COMP-5 VALUE -1.
       01  IS-DUPLICATE                  PIC S9(9) COMP-5.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-BATCH EIOT-REPLY.
           SET REPLY-POINTER TO NULL
           CALL STATIC "eiot_batch_next" USING
               BY VALUE EIOT-BATCH-POINTER
               BY VALUE SIZE 8 FOREVER
               BY REFERENCE RESULT-POINTER ERROR-POINTER
               RETURNING CALL-STATUS
           SET EIOT-BATCH-GOING-ON TO TRUE
           IF RESULT-POINTER = NULL
               SET EIOT-BATCH-AT-END TO TRUE
               CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
                   ERROR-POINTER EIOT-REPLY
           ELSE
               PERFORM TAKE-RESULT
           END-IF
           CALL "EIOT-BATCH-LOOK" USING EIOT-BATCH
           MOVE EIOT-STATUS TO RETURN-CODE
           GOBACK.
       TAKE-RESULT.
           CALL STATIC "eiot_result_status" USING
               BY VALUE RESULT-POINTER RETURNING CALL-STATUS
           CALL STATIC "eiot_result_reply" USING
               BY VALUE RESULT-POINTER RETURNING REPLY-POINTER
           CALL STATIC "eiot_result_error" USING
               BY VALUE RESULT-POINTER RETURNING ERROR-POINTER
           CALL "EIOT-READ" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           CALL STATIC "eiot_result_tag" USING
               BY VALUE RESULT-POINTER RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-INDEX
           CALL STATIC "eiot_result_input" USING
               BY VALUE RESULT-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-INPUT
           CALL STATIC "eiot_result_eid" USING
               BY VALUE RESULT-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-EID
           CALL STATIC "eiot_result_is_duplicate" USING
               BY VALUE RESULT-POINTER RETURNING IS-DUPLICATE
           IF IS-DUPLICATE NOT = 0
               SET EIOT-IS-DUPLICATE TO TRUE
           END-IF
           CALL STATIC "eiot_result_free" USING
               BY VALUE RESULT-POINTER RETURNING OMITTED.
       END PROGRAM EIOT-BATCH-NEXT.

      *> Ends a batch; calls in flight are cancelled.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-BATCH-CLOSE.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-BATCH EIOT-REPLY.
           MOVE 0 TO CALL-STATUS
           SET REPLY-POINTER ERROR-POINTER TO NULL
           CALL STATIC "eiot_batch_free" USING
               BY VALUE EIOT-BATCH-POINTER RETURNING OMITTED
           SET EIOT-BATCH-POINTER TO NULL
           SET EIOT-BATCH-AT-END TO TRUE
           CALL "EIOT-BATCH-LOOK" USING EIOT-BATCH
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-BATCH-CLOSE.

      *> Verifies the signature of a webhook, and that it is not
      *> older than EIOT-MAX-AGE-MS: EIOT-OK, or EIOT-ERR-SIGNATURE.
      *> The body is the raw body of the webhook's HTTP request.
      *> Does no I/O.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-VERIFY-WEBHOOK.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  WEBHOOK-LENGTH           PIC 9(18) COMP-5.
       01  SECRET-LENGTH                 PIC 9(18) COMP-5.
       LINKAGE SECTION.
       01  WEBHOOK                  PIC X ANY LENGTH.
       01  SECRET                        PIC X ANY LENGTH.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-SIGNING WEBHOOK SECRET
               EIOT-REPLY.
           SET REPLY-POINTER TO NULL
           MOVE FUNCTION LENGTH(WEBHOOK)
               TO WEBHOOK-LENGTH
           MOVE FUNCTION STORED-CHAR-LENGTH(SECRET)
               TO SECRET-LENGTH
           CALL STATIC "eiot_webhook_verify" USING
               BY REFERENCE WEBHOOK
               BY VALUE SIZE 8 WEBHOOK-LENGTH
               BY REFERENCE SECRET BY VALUE SIZE 8 SECRET-LENGTH
               BY VALUE SIZE 4 EIOT-SIGN-METHOD
               BY VALUE SIZE 8 EIOT-MAX-AGE-MS
               BY REFERENCE ERROR-POINTER
               RETURNING CALL-STATUS
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       END PROGRAM EIOT-VERIFY-WEBHOOK.

      *> Signs flat parameters as the platform does, into
      *> EIOT-SIGNATURE, for calls that the program makes itself.
      *> Those without a name or a value are left out.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-SIGN.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       01  TEXT-POINTER                  USAGE POINTER.
       01  SECRET-LENGTH                 PIC 9(18) COMP-5.
       01  NAME-LENGTH                   PIC 9(18) COMP-5.
       01  VALUE-LENGTH                  PIC 9(18) COMP-5.
       01  WHICH                         PIC 9(9) COMP-5.
       01  HOW-MANY                      PIC 9(18) COMP-5.
      *> C wants a NUL after each text, and so one byte more.
       01  C-TEXTS.
           05  OCCURS 32 TIMES.
               10  C-NAME                PIC X(33).
               10  C-VALUE               PIC X(257).
       01  NAME-POINTERS.
           05  NAME-POINTER              USAGE POINTER OCCURS 32 TIMES.
       01  VALUE-POINTERS.
           05  VALUE-POINTER             USAGE POINTER OCCURS 32 TIMES.
       01  C-SIGNATURE                   PIC X(41).
       LINKAGE SECTION.
       01  SECRET                        PIC X ANY LENGTH.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-SIGNING EIOT-PARAMETERS SECRET
               EIOT-REPLY.
           MOVE 0 TO HOW-MANY
           MOVE LOW-VALUES TO C-TEXTS
           PERFORM ADD-PARAMETER VARYING WHICH FROM 1 BY 1
               UNTIL WHICH > 32
           SET REPLY-POINTER TO NULL
           MOVE FUNCTION STORED-CHAR-LENGTH(SECRET)
               TO SECRET-LENGTH
           CALL STATIC "eiot_sign" USING
               BY REFERENCE NAME-POINTERS VALUE-POINTERS
               BY VALUE SIZE 8 HOW-MANY
               BY REFERENCE SECRET BY VALUE SIZE 8 SECRET-LENGTH
               BY VALUE SIZE 4 EIOT-SIGN-METHOD
               BY REFERENCE C-SIGNATURE
               BY VALUE SIZE 8 LENGTH OF C-SIGNATURE
               BY REFERENCE ERROR-POINTER
               RETURNING CALL-STATUS
           SET TEXT-POINTER TO ADDRESS OF C-SIGNATURE
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-SIGNATURE
           CALL "EIOT-TAKE" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           GOBACK.
       ADD-PARAMETER.
           MOVE FUNCTION STORED-CHAR-LENGTH
               (EIOT-PARAMETER-NAME(WHICH)) TO NAME-LENGTH
           MOVE FUNCTION STORED-CHAR-LENGTH
               (EIOT-PARAMETER-VALUE(WHICH)) TO VALUE-LENGTH
           IF NAME-LENGTH > 0 AND VALUE-LENGTH > 0
               ADD 1 TO HOW-MANY
               MOVE EIOT-PARAMETER-NAME(WHICH)(1:NAME-LENGTH)
                   TO C-NAME(HOW-MANY)(1:NAME-LENGTH)
               MOVE EIOT-PARAMETER-VALUE(WHICH)(1:VALUE-LENGTH)
                   TO C-VALUE(HOW-MANY)(1:VALUE-LENGTH)
               SET NAME-POINTER(HOW-MANY)
                   TO ADDRESS OF C-NAME(HOW-MANY)
               SET VALUE-POINTER(HOW-MANY)
                   TO ADDRESS OF C-VALUE(HOW-MANY)
           END-IF.
       END PROGRAM EIOT-SIGN.

      *> The version of the library that is running, such as "0.1.0".
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-VERSION.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  TEXT-POINTER                  USAGE POINTER.
       LINKAGE SECTION.
       01  VERSION                       PIC X ANY LENGTH.
       PROCEDURE DIVISION USING VERSION.
           CALL STATIC "eiot_version" RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER VERSION
           GOBACK.
       END PROGRAM EIOT-VERSION.

      *> The rest is for the subprograms above.

      *> Sets the options that are not spaces, and takes the secret
      *> out of them.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-SET-OPTIONS.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  WHICH                         PIC 9(9) COMP-5.
       01  NAME-LENGTH                   PIC 9(18) COMP-5.
       01  VALUE-LENGTH                  PIC 9(18) COMP-5.
       LINKAGE SECTION.
       01  CONFIG-POINTER                USAGE POINTER.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  ERROR-POINTER                 USAGE POINTER.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING CONFIG-POINTER EIOT-OPTIONS
               CALL-STATUS ERROR-POINTER.
           PERFORM SET-OPTION VARYING WHICH FROM 1 BY 1
               UNTIL CALL-STATUS NOT = 0
               OR EIOT-OPTION-NAME(WHICH) = SPACES
           MOVE SPACES TO EIOT-OPT-SECRET
           GOBACK.
       SET-OPTION.
           MOVE FUNCTION STORED-CHAR-LENGTH(EIOT-OPTION-NAME(WHICH))
               TO NAME-LENGTH
           MOVE FUNCTION STORED-CHAR-LENGTH(EIOT-OPTION-VALUE(WHICH))
               TO VALUE-LENGTH
           IF VALUE-LENGTH > 0
               CALL STATIC "eiot_config_set_option" USING
                   BY VALUE CONFIG-POINTER
                   BY REFERENCE EIOT-OPTION-NAME(WHICH)
                   BY VALUE SIZE 8 NAME-LENGTH
                   BY REFERENCE EIOT-OPTION-VALUE(WHICH)
                   BY VALUE SIZE 8 VALUE-LENGTH
                   BY REFERENCE ERROR-POINTER
                   RETURNING CALL-STATUS
           END-IF.
       END PROGRAM EIOT-SET-OPTIONS.

      *> Fills EIOT-REPLY from what a C function gave, frees that, and
      *> leaves the status in RETURN-CODE.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-TAKE.
       DATA DIVISION.
       LINKAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING CALL-STATUS REPLY-POINTER ERROR-POINTER
               EIOT-REPLY.
           CALL "EIOT-READ" USING CALL-STATUS REPLY-POINTER
               ERROR-POINTER EIOT-REPLY
           CALL STATIC "eiot_reply_free" USING
               BY VALUE REPLY-POINTER RETURNING OMITTED
           CALL STATIC "eiot_error_free" USING
               BY VALUE ERROR-POINTER RETURNING OMITTED
           MOVE EIOT-STATUS TO RETURN-CODE
           GOBACK.
       END PROGRAM EIOT-TAKE.

      *> Fills EIOT-REPLY from a reply or an error of C's.
      *>
      *> Here and below, a C function that returns 64 bits, be it a
      *> number, is called with RETURNING a pointer: with any other
      *> field the compiler would take 32 of them.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-READ.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  TEXT-POINTER                  USAGE POINTER.
       01  RETURNED                      USAGE POINTER.
       01  RETURNED-NUMBER REDEFINES RETURNED
                                         PIC S9(18) COMP-5.
       01  DELIVERED                     PIC S9(9) COMP-5.
       01  IS-FINAL                      PIC S9(9) COMP-5.
       01  IS-RETRYABLE                  PIC S9(9) COMP-5.
       LINKAGE SECTION.
       01  CALL-STATUS                   PIC S9(9) COMP-5.
       01  REPLY-POINTER                 USAGE POINTER.
       01  ERROR-POINTER                 USAGE POINTER.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING CALL-STATUS REPLY-POINTER ERROR-POINTER
               EIOT-REPLY.
           INITIALIZE EIOT-REPLY
           MOVE CALL-STATUS TO EIOT-STATUS
           MOVE -1 TO EIOT-RETRY-AFTER-MS
           SET EIOT-IS-NOT-FINAL TO TRUE
           SET EIOT-IS-NOT-RETRYABLE TO TRUE
           SET EIOT-IS-NO-DUPLICATE TO TRUE
           CALL STATIC "eiot_status_kind" USING
               BY VALUE CALL-STATUS RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-KIND
           IF REPLY-POINTER NOT = NULL
               PERFORM READ-REPLY
           END-IF
           IF ERROR-POINTER NOT = NULL
               PERFORM READ-ERROR
           END-IF
           GOBACK.
       READ-REPLY.
           SET EIOT-DELIVERED-YES TO TRUE
           CALL STATIC "eiot_reply_eid" USING
               BY VALUE REPLY-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-EID
           CALL STATIC "eiot_reply_code" USING
               BY VALUE REPLY-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-CODE
           CALL STATIC "eiot_reply_message" USING
               BY VALUE REPLY-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-MESSAGE
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-PLATFORM-MESSAGE
           CALL STATIC "eiot_reply_data_json" USING
               BY VALUE REPLY-POINTER RETURNING TEXT-POINTER
           CALL STATIC "eiot_copy_padded" USING
               BY VALUE TEXT-POINTER
               BY REFERENCE EIOT-DATA
               BY VALUE SIZE 8 LENGTH OF EIOT-DATA
               RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-DATA-LENGTH
           CALL STATIC "eiot_reply_attempts" USING
               BY VALUE REPLY-POINTER RETURNING EIOT-ATTEMPTS.
       READ-ERROR.
           CALL STATIC "eiot_error_delivered" USING
               BY VALUE ERROR-POINTER RETURNING DELIVERED
           CALL STATIC "eiot_delivered_name" USING
               BY VALUE DELIVERED RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-DELIVERED
           CALL STATIC "eiot_error_is_final" USING
               BY VALUE ERROR-POINTER RETURNING IS-FINAL
           IF IS-FINAL NOT = 0
               SET EIOT-IS-FINAL TO TRUE
           END-IF
           CALL STATIC "eiot_error_is_retryable" USING
               BY VALUE ERROR-POINTER RETURNING IS-RETRYABLE
           IF IS-RETRYABLE NOT = 0
               SET EIOT-IS-RETRYABLE TO TRUE
           END-IF
           CALL STATIC "eiot_error_eid" USING
               BY VALUE ERROR-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-EID
           CALL STATIC "eiot_error_platform_code" USING
               BY VALUE ERROR-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-CODE
           CALL STATIC "eiot_error_message" USING
               BY VALUE ERROR-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-MESSAGE
           CALL STATIC "eiot_error_platform_message" USING
               BY VALUE ERROR-POINTER RETURNING TEXT-POINTER
           CALL "EIOT-PUT" USING TEXT-POINTER EIOT-PLATFORM-MESSAGE
           CALL STATIC "eiot_error_http_status" USING
               BY VALUE ERROR-POINTER RETURNING EIOT-HTTP-STATUS
           CALL STATIC "eiot_error_attempts" USING
               BY VALUE ERROR-POINTER RETURNING EIOT-ATTEMPTS
           CALL STATIC "eiot_error_retry_after_ms" USING
               BY VALUE ERROR-POINTER RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-RETRY-AFTER-MS.
       END PROGRAM EIOT-READ.

      *> A C text into a field of any width.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-PUT.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  FIELD-SIZE                    PIC 9(18) COMP-5.
       01  RETURNED                      USAGE POINTER.
       LINKAGE SECTION.
       01  TEXT-POINTER                  USAGE POINTER.
       01  TEXT-FIELD                    PIC X ANY LENGTH.
       PROCEDURE DIVISION USING TEXT-POINTER TEXT-FIELD.
           MOVE FUNCTION LENGTH(TEXT-FIELD) TO FIELD-SIZE
           CALL STATIC "eiot_copy_padded" USING
               BY VALUE TEXT-POINTER
               BY REFERENCE TEXT-FIELD
               BY VALUE SIZE 8 FIELD-SIZE
               RETURNING RETURNED
           GOBACK.
       END PROGRAM EIOT-PUT.

      *> What a batch says of itself, into its record.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. EIOT-BATCH-LOOK.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01  RETURNED                      USAGE POINTER.
       01  RETURNED-NUMBER REDEFINES RETURNED
                                         PIC S9(18) COMP-5.
       LINKAGE SECTION.
       COPY "eiot.cpy".
       PROCEDURE DIVISION USING EIOT-BATCH.
           CALL STATIC "eiot_batch_has_room" USING
               BY VALUE EIOT-BATCH-POINTER RETURNING EIOT-BATCH-ROOM
           CALL STATIC "eiot_batch_submitted" USING
               BY VALUE EIOT-BATCH-POINTER RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-BATCH-GIVEN
           CALL STATIC "eiot_batch_duplicates" USING
               BY VALUE EIOT-BATCH-POINTER RETURNING RETURNED
           MOVE RETURNED-NUMBER TO EIOT-BATCH-DUPLICATES
           GOBACK.
       END PROGRAM EIOT-BATCH-LOOK.
