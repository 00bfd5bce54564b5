Attribute VB_Name = "Refresh"
' Refreshes the cards whose EIDs are in the first column of the active sheet, and writes beside each what came of it. The
' environment has the account: EIOT_APPKEY and EIOT_SECRET. Needs Eiot.bas.
Option Explicit

Public Sub RefreshSheet()
    Dim Client As LongPtr, Batch As LongPtr, Card As EiotResult, Row As Long
    Client = EiotNewClient("timeout=30")
    Batch = EiotNewBatch(Client)
    ' As text: Excel keeps 15 digits of a number.
    For Row = 2 To ActiveSheet.Cells(ActiveSheet.Rows.Count, 1).End(xlUp).Row
        EiotPush Batch, ActiveSheet.Cells(Row, 1).Text, Row
    Next
    Do While EiotNext(Batch, Card)
        ActiveSheet.Cells(Card.Tag, 2).Value = IIf(Card.Ok, Card.Reply.Message, Card.Failure.Message)
        DoEvents
    Loop
    EiotFreeBatch Batch
    EiotFreeClient Client
End Sub

Public Sub RefreshOne(ByVal Eid As String)
    Dim Message As String
    If EiotTryRefreshUsage(Eid, Message) = EIOT_OK Then
        MsgBox Eid & ": success"
    Else
        MsgBox Message
    End If
End Sub
