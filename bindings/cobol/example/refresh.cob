      *> Refreshes the cards that are given: the first by itself, the
      *> rest many at once. The account is in the environment. It ends
      *> with 1 when any card was not refreshed.
       IDENTIFICATION DIVISION.
       PROGRAM-ID. REFRESH.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       COPY "eiot.cpy".
      *> Wider than an EID: one with a digit too many is then refused,
      *> and not cut to the number of another card.
       01  CARD-EID                      PIC X(64).
       01  CARDS-LEFT                    PIC 9(9) COMP-5.
       01  FAILURES                      PIC 9(9) COMP-5 VALUE 0.
       PROCEDURE DIVISION.
           ACCEPT CARDS-LEFT FROM ARGUMENT-NUMBER
           CALL "EIOT-OPEN-FROM-ENV" USING EIOT-CLIENT EIOT-REPLY
           IF EIOT-OK
               PERFORM REFRESH-THE-FIRST
               PERFORM REFRESH-THE-REST
               CALL "EIOT-CLOSE" USING EIOT-CLIENT EIOT-REPLY
           ELSE
               DISPLAY FUNCTION TRIM(EIOT-MESSAGE) UPON SYSERR
               ADD 1 TO FAILURES
           END-IF
           IF FAILURES > 0
               MOVE 1 TO RETURN-CODE
           END-IF
           STOP RUN.
       REFRESH-THE-FIRST.
           IF CARDS-LEFT > 0
               PERFORM NEXT-CARD
               CALL "EIOT-CLIENT-REFRESH"
                   USING EIOT-CLIENT CARD-EID EIOT-REPLY
               PERFORM TELL
           END-IF.
       REFRESH-THE-REST.
           CALL "EIOT-BATCH-OPEN"
               USING EIOT-BATCH EIOT-CLIENT EIOT-REPLY
           PERFORM UNTIL EIOT-BATCH-AT-END
               PERFORM UNTIL EIOT-BATCH-FULL OR CARDS-LEFT = 0
                   PERFORM NEXT-CARD
                   CALL "EIOT-BATCH-PUSH"
                       USING EIOT-BATCH CARD-EID EIOT-REPLY
               END-PERFORM
               CALL "EIOT-BATCH-NEXT" USING EIOT-BATCH EIOT-REPLY
               IF NOT EIOT-BATCH-AT-END
                   PERFORM TELL
               END-IF
           END-PERFORM
           CALL "EIOT-BATCH-CLOSE" USING EIOT-BATCH EIOT-REPLY.
       NEXT-CARD.
           ACCEPT CARD-EID FROM ARGUMENT-VALUE
           SUBTRACT 1 FROM CARDS-LEFT.
      *> RETURN-CODE is 0 or which failure it was; the message says
      *> what happened and what to do, and EIOT-DELIVERED whether the
      *> platform may have acted.
       TELL.
           IF RETURN-CODE NOT = 0
               ADD 1 TO FAILURES
               DISPLAY FUNCTION TRIM(EIOT-MESSAGE) UPON SYSERR
               DISPLAY "  kind " FUNCTION TRIM(EIOT-KIND)
                   ", code " FUNCTION TRIM(EIOT-CODE)
                   ", delivered " FUNCTION TRIM(EIOT-DELIVERED)
                   UPON SYSERR
           ELSE
               DISPLAY FUNCTION TRIM(EIOT-EID) ": "
                   FUNCTION TRIM(EIOT-MESSAGE)
           END-IF.
       END PROGRAM REFRESH.
