Attribute VB_Name = "Eiot"
' Refreshes the package usage of EIOTCLUB cloud eSIM cards: a thin wrapper around eiot_stdcall.dll, for Visual Basic 6 and for VBA
' of 32 and 64 bits (Excel, Access, Word).
'
' A failure raises an error whose number is EIOT_ERROR_BASE + the status, with a description that says what happened, to which
' EID, and what to do about it. EiotLastError has its details.
Option Explicit

#If VBA7 Then
    Private Declare PtrSafe Function eiot_version Lib "eiot_stdcall.dll" () As LongPtr
    Private Declare PtrSafe Function eiot_status_kind Lib "eiot_stdcall.dll" (ByVal status As Long) As LongPtr
    Private Declare PtrSafe Function eiot_error_status Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Function eiot_error_message Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_error_eid Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_error_platform_code Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_error_platform_message Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_error_http_status Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Function eiot_error_attempts Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Function eiot_error_retry_after_ms Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Currency
    Private Declare PtrSafe Function eiot_error_delivered Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Function eiot_error_is_final Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Function eiot_error_is_retryable Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare PtrSafe Sub eiot_error_free Lib "eiot_stdcall.dll" (ByVal failure As LongPtr)
    Private Declare PtrSafe Function eiot_refresh_usage_n Lib "eiot_stdcall.dll" (ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_refresh_usage_to_buffer Lib "eiot_stdcall.dll" (ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef text As Byte, ByVal text_size As LongPtr, ByRef out_delivered As Long, ByRef out_is_retryable As Long) As Long
    Private Declare PtrSafe Function eiot_config_from_env Lib "eiot_stdcall.dll" (ByRef out_config As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Sub eiot_config_free Lib "eiot_stdcall.dll" (ByVal config As LongPtr)
    Private Declare PtrSafe Function eiot_config_set_option Lib "eiot_stdcall.dll" (ByVal config As LongPtr, ByRef option_name As Byte, ByVal option_name_len As LongPtr, ByRef value As Byte, ByVal value_len As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_client_new Lib "eiot_stdcall.dll" (ByVal config As LongPtr, ByRef out_client As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_config_from_client Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef out_config As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_client_with_options Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByVal config As LongPtr, ByRef out_client As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_client_refresh_usage Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef out_reply As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_client_call Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef path As Byte, ByVal path_len As LongPtr, ByRef parameters_json As Byte, ByVal parameters_json_len As LongPtr, ByVal idempotent As Long, ByVal cancel As LongPtr, ByRef out_reply As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_client_stats_json Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef buffer As Byte, ByVal size As LongPtr) As LongPtr
    Private Declare PtrSafe Sub eiot_client_free Lib "eiot_stdcall.dll" (ByVal client As LongPtr)
    Private Declare PtrSafe Function eiot_reply_eid Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_reply_code Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_reply_message Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_reply_data_json Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_reply_attempts Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As Long
    Private Declare PtrSafe Sub eiot_reply_free Lib "eiot_stdcall.dll" (ByVal reply As LongPtr)
    Private Declare PtrSafe Function eiot_result_tag Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Currency
    Private Declare PtrSafe Function eiot_result_status Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Long
    Private Declare PtrSafe Function eiot_result_input Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_result_eid Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_result_is_duplicate Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Long
    Private Declare PtrSafe Function eiot_result_reply Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare PtrSafe Function eiot_result_error Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare PtrSafe Sub eiot_result_free Lib "eiot_stdcall.dll" (ByVal result As LongPtr)
    Private Declare PtrSafe Function eiot_batch_new Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByVal concurrency As Long, ByVal cancel As LongPtr, ByRef out_batch As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_batch_has_room Lib "eiot_stdcall.dll" (ByVal batch As LongPtr) As Long
    Private Declare PtrSafe Function eiot_batch_push Lib "eiot_stdcall.dll" (ByVal batch As LongPtr, ByRef eid As Byte, ByVal eid_len As LongPtr, ByVal tag As Currency, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function eiot_batch_next Lib "eiot_stdcall.dll" (ByVal batch As LongPtr, ByVal timeout_ms As Currency, ByRef out_result As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Sub eiot_batch_free Lib "eiot_stdcall.dll" (ByVal batch As LongPtr)
    Private Declare PtrSafe Function eiot_webhook_verify Lib "eiot_stdcall.dll" (ByRef payload As Byte, ByVal payload_len As LongPtr, ByRef secret As Byte, ByVal secret_len As LongPtr, ByVal method As Long, ByVal max_age_ms As Currency, ByRef out_err As LongPtr) As Long
    Private Declare PtrSafe Function MultiByteToWideChar Lib "kernel32" (ByVal CodePage As Long, ByVal dwFlags As Long, ByVal lpMultiByteStr As LongPtr, ByVal cbMultiByte As Long, ByVal lpWideCharStr As LongPtr, ByVal cchWideChar As Long) As Long
    Private Declare PtrSafe Function WideCharToMultiByte Lib "kernel32" (ByVal CodePage As Long, ByVal dwFlags As Long, ByVal lpWideCharStr As LongPtr, ByVal cchWideChar As Long, ByVal lpMultiByteStr As LongPtr, ByVal cbMultiByte As Long, ByVal lpDefaultChar As LongPtr, ByVal lpUsedDefaultChar As LongPtr) As Long
    Private Declare PtrSafe Function lstrlenA Lib "kernel32" (ByVal lpString As LongPtr) As Long
#Else
    ' Visual Basic 6 does not know the type; a pointer is a Long there.
    Public Enum LongPtr
        [_]
    End Enum

    Private Declare Function eiot_version Lib "eiot_stdcall.dll" () As LongPtr
    Private Declare Function eiot_status_kind Lib "eiot_stdcall.dll" (ByVal status As Long) As LongPtr
    Private Declare Function eiot_error_status Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Function eiot_error_message Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare Function eiot_error_eid Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare Function eiot_error_platform_code Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare Function eiot_error_platform_message Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As LongPtr
    Private Declare Function eiot_error_http_status Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Function eiot_error_attempts Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Function eiot_error_retry_after_ms Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Currency
    Private Declare Function eiot_error_delivered Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Function eiot_error_is_final Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Function eiot_error_is_retryable Lib "eiot_stdcall.dll" (ByVal failure As LongPtr) As Long
    Private Declare Sub eiot_error_free Lib "eiot_stdcall.dll" (ByVal failure As LongPtr)
    Private Declare Function eiot_refresh_usage_n Lib "eiot_stdcall.dll" (ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_refresh_usage_to_buffer Lib "eiot_stdcall.dll" (ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef text As Byte, ByVal text_size As LongPtr, ByRef out_delivered As Long, ByRef out_is_retryable As Long) As Long
    Private Declare Function eiot_config_from_env Lib "eiot_stdcall.dll" (ByRef out_config As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Sub eiot_config_free Lib "eiot_stdcall.dll" (ByVal config As LongPtr)
    Private Declare Function eiot_config_set_option Lib "eiot_stdcall.dll" (ByVal config As LongPtr, ByRef option_name As Byte, ByVal option_name_len As LongPtr, ByRef value As Byte, ByVal value_len As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_client_new Lib "eiot_stdcall.dll" (ByVal config As LongPtr, ByRef out_client As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_config_from_client Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef out_config As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_client_with_options Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByVal config As LongPtr, ByRef out_client As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_client_refresh_usage Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef eid As Byte, ByVal eid_len As LongPtr, ByRef out_reply As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_client_call Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef path As Byte, ByVal path_len As LongPtr, ByRef parameters_json As Byte, ByVal parameters_json_len As LongPtr, ByVal idempotent As Long, ByVal cancel As LongPtr, ByRef out_reply As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_client_stats_json Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByRef buffer As Byte, ByVal size As LongPtr) As LongPtr
    Private Declare Sub eiot_client_free Lib "eiot_stdcall.dll" (ByVal client As LongPtr)
    Private Declare Function eiot_reply_eid Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare Function eiot_reply_code Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare Function eiot_reply_message Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare Function eiot_reply_data_json Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As LongPtr
    Private Declare Function eiot_reply_attempts Lib "eiot_stdcall.dll" (ByVal reply As LongPtr) As Long
    Private Declare Sub eiot_reply_free Lib "eiot_stdcall.dll" (ByVal reply As LongPtr)
    Private Declare Function eiot_result_tag Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Currency
    Private Declare Function eiot_result_status Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Long
    Private Declare Function eiot_result_input Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare Function eiot_result_eid Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare Function eiot_result_is_duplicate Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As Long
    Private Declare Function eiot_result_reply Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare Function eiot_result_error Lib "eiot_stdcall.dll" (ByVal result As LongPtr) As LongPtr
    Private Declare Sub eiot_result_free Lib "eiot_stdcall.dll" (ByVal result As LongPtr)
    Private Declare Function eiot_batch_new Lib "eiot_stdcall.dll" (ByVal client As LongPtr, ByVal concurrency As Long, ByVal cancel As LongPtr, ByRef out_batch As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_batch_has_room Lib "eiot_stdcall.dll" (ByVal batch As LongPtr) As Long
    Private Declare Function eiot_batch_push Lib "eiot_stdcall.dll" (ByVal batch As LongPtr, ByRef eid As Byte, ByVal eid_len As LongPtr, ByVal tag As Currency, ByRef out_err As LongPtr) As Long
    Private Declare Function eiot_batch_next Lib "eiot_stdcall.dll" (ByVal batch As LongPtr, ByVal timeout_ms As Currency, ByRef out_result As LongPtr, ByRef out_err As LongPtr) As Long
    Private Declare Sub eiot_batch_free Lib "eiot_stdcall.dll" (ByVal batch As LongPtr)
    Private Declare Function eiot_webhook_verify Lib "eiot_stdcall.dll" (ByRef payload As Byte, ByVal payload_len As LongPtr, ByRef secret As Byte, ByVal secret_len As LongPtr, ByVal method As Long, ByVal max_age_ms As Currency, ByRef out_err As LongPtr) As Long
    Private Declare Function MultiByteToWideChar Lib "kernel32" (ByVal CodePage As Long, ByVal dwFlags As Long, ByVal lpMultiByteStr As LongPtr, ByVal cbMultiByte As Long, ByVal lpWideCharStr As LongPtr, ByVal cchWideChar As Long) As Long
    Private Declare Function WideCharToMultiByte Lib "kernel32" (ByVal CodePage As Long, ByVal dwFlags As Long, ByVal lpWideCharStr As LongPtr, ByVal cchWideChar As Long, ByVal lpMultiByteStr As LongPtr, ByVal cbMultiByte As Long, ByVal lpDefaultChar As LongPtr, ByVal lpUsedDefaultChar As LongPtr) As Long
    Private Declare Function lstrlenA Lib "kernel32" (ByVal lpString As LongPtr) As Long
#End If

' The statuses of eiot.h.
Public Const EIOT_OK As Long = 0
Public Const EIOT_ERR_INVALID_ARGUMENT As Long = 1
Public Const EIOT_ERR_INVALID_EID As Long = 2
Public Const EIOT_ERR_CONFIG As Long = 3
Public Const EIOT_ERR_CONNECT As Long = 20
Public Const EIOT_ERR_TLS As Long = 21
Public Const EIOT_ERR_TIMEOUT As Long = 22
Public Const EIOT_ERR_IO As Long = 23
Public Const EIOT_ERR_CANCELLED As Long = 24
Public Const EIOT_ERR_AUTH As Long = 40
Public Const EIOT_ERR_RATE_LIMITED As Long = 41
Public Const EIOT_ERR_COOLDOWN As Long = 42
Public Const EIOT_ERR_PLATFORM As Long = 43
Public Const EIOT_ERR_HTTP As Long = 44
Public Const EIOT_ERR_PROTOCOL As Long = 45
Public Const EIOT_ERR_UNAVAILABLE As Long = 46
Public Const EIOT_ERR_SIGNATURE As Long = 60
Public Const EIOT_ERR_INTERNAL As Long = 99

' Whether the platform received the request: nothing was sent; it responded; or the request was at least partly sent, and no
' response arrived. Look at this before you repeat a call.
Public Const EIOT_DELIVERED_NO As Long = 0
Public Const EIOT_DELIVERED_YES As Long = 1
Public Const EIOT_DELIVERED_UNKNOWN As Long = 2

' Methods of a signature.
Public Const EIOT_SIGN_SHA1 As Long = 1
Public Const EIOT_SIGN_MD5 As Long = 2

' What is added to the status to make an error's number.
Public Const EIOT_ERROR_BASE As Long = vbObjectError + 512

Private Const CP_UTF8 As Long = 65001
Private Const FOREVER As Currency = -0.0001
Private Const TEXT_SIZE As Long = 1024

' A failed call. Text is empty where there is none.
Public Type EiotError
    Status As Long
    ' The same word in every language, such as "timeout".
    Kind As String
    Message As String
    Eid As String
    ' The platform's own code and message, verbatim.
    Code As String
    PlatformMessage As String
    ' 0 if there was no response.
    HttpStatus As Long
    Attempts As Long
    ' How long the platform asks to wait; -1 if it does not.
    RetryAfterMs As Double
    Delivered As Long
    ' The same call would fail again, whatever changes.
    IsFinal As Boolean
    ' The failure may pass by itself, and it is safe to repeat this call.
    IsRetryable As Boolean
End Type

' The platform has accepted.
Public Type EiotReply
    Eid As String
    Code As String
    Message As String
    DataJson As String
    Attempts As Long
End Type

' The result of one card of a batch.
Public Type EiotResult
    ' The number that was pushed with the card.
    Tag As Long
    ' The EID as it was pushed, and without the whitespace around it.
    GivenEid As String
    Eid As String
    ' The same card came shortly before: this is its result, and nothing was sent.
    IsDuplicate As Boolean
    Ok As Boolean
    ' If Ok.
    Reply As EiotReply
    ' If not Ok.
    Failure As EiotError
End Type

Private LastError As EiotError

' The details of the last error that this module has raised.
Public Function EiotLastError() As EiotError
    EiotLastError = LastError
End Function

' The version of the DLL.
Public Function EiotVersion() As String
    EiotVersion = Text(eiot_version())
End Function

' Refreshes the package usage of one card with a client of the whole process, which the environment configures: EIOT_APPKEY,
' EIOT_SECRET and so on.
Public Sub EiotRefreshUsage(ByVal Eid As String)
    Dim bytes() As Byte, failure As LongPtr
    bytes = Utf8(Eid)
    Check eiot_refresh_usage_n(bytes(0), Length(bytes), failure), failure
End Sub

' The same without an error: returns the status. Message says what happened.
Public Function EiotTryRefreshUsage(ByVal Eid As String, ByRef Message As String, Optional ByRef Delivered As Long, _
        Optional ByRef IsRetryable As Boolean) As Long
    Dim bytes() As Byte, buffer(0 To TEXT_SIZE - 1) As Byte, retryable As Long
    bytes = Utf8(Eid)
    EiotTryRefreshUsage = eiot_refresh_usage_to_buffer(bytes(0), Length(bytes), buffer(0), TEXT_SIZE, Delivered, retryable)
    Message = Text(VarPtr(buffer(0)))
    IsRetryable = retryable <> 0
End Function

' A client of one account: options as "NAME=VALUE", for example EiotNewClient("appkey=k", "secret=s", "timeout=10"). What is
' omitted comes from the environment. Create one and reuse it, and free it with EiotFreeClient.
Public Function EiotNewClient(ParamArray Options() As Variant) As LongPtr
    Dim config As LongPtr, failure As LongPtr, client As LongPtr, status As Long, index As Long
    Check eiot_config_from_env(config, failure), failure
    For index = LBound(Options) To UBound(Options)
        If status = EIOT_OK Then status = SetOption(config, CStr(Options(index)), failure)
    Next
    If status = EIOT_OK Then status = eiot_client_new(config, client, failure)
    eiot_config_free config
    Check status, failure
    EiotNewClient = client
End Function

' A client with these options and otherwise those of Client, with which it shares connections and rate.
Public Function EiotWithOptions(ByVal Client As LongPtr, ParamArray Options() As Variant) As LongPtr
    Dim config As LongPtr, failure As LongPtr, derived As LongPtr, status As Long, index As Long
    Check eiot_config_from_client(Client, config, failure), failure
    For index = LBound(Options) To UBound(Options)
        If status = EIOT_OK Then status = SetOption(config, CStr(Options(index)), failure)
    Next
    If status = EIOT_OK Then status = eiot_client_with_options(Client, config, derived, failure)
    eiot_config_free config
    Check status, failure
    EiotWithOptions = derived
End Function

' Frees a client; 0 has no effect.
Public Sub EiotFreeClient(ByRef Client As LongPtr)
    eiot_client_free Client
    Client = 0
End Sub

' Refreshes the package usage of one card.
Public Function EiotClientRefreshUsage(ByVal Client As LongPtr, ByVal Eid As String) As EiotReply
    Dim bytes() As Byte, reply As LongPtr, failure As LongPtr
    bytes = Utf8(Eid)
    Check eiot_client_refresh_usage(Client, bytes(0), Length(bytes), reply, failure), failure
    EiotClientRefreshUsage = ReadReply(reply)
    eiot_reply_free reply
End Function

' Makes any other signed call, with parameters as a JSON object. If the reply is lost, it is retried only if it is idempotent.
Public Function EiotCall(ByVal Client As LongPtr, ByVal Path As String, ByVal ParametersJson As String, _
        Optional ByVal Idempotent As Boolean = False) As EiotReply
    Dim pathBytes() As Byte, json() As Byte, reply As LongPtr, failure As LongPtr
    pathBytes = Utf8(Path)
    json = Utf8(ParametersJson)
    Check eiot_client_call(Client, pathBytes(0), Length(pathBytes), json(0), Length(json), Abs(CLng(Idempotent)), 0, reply, failure), failure
    EiotCall = ReadReply(reply)
    eiot_reply_free reply
End Function

' Counters of a client and of those that share its connections, as JSON.
Public Function EiotStatsJson(ByVal Client As LongPtr) As String
    Dim buffer() As Byte, size As LongPtr
    size = TEXT_SIZE
    Do
        ReDim buffer(0 To CLng(size))
        ' Counters may grow between two calls.
        size = eiot_client_stats_json(Client, buffer(0), UBound(buffer) + 1)
    Loop While size > UBound(buffer)
    EiotStatsJson = Text(VarPtr(buffer(0)))
End Function

' A batch for many cards, up to Concurrency (0: 32) calls in flight at once. Free it with EiotFreeBatch.
Public Function EiotNewBatch(ByVal Client As LongPtr, Optional ByVal Concurrency As Long = 0) As LongPtr
    Dim batch As LongPtr, failure As LongPtr
    Check eiot_batch_new(Client, Concurrency, 0, batch, failure), failure
    EiotNewBatch = batch
End Function

' Adds a card, with a number that comes back with its result, such as a row. Sends nothing: EiotNext does.
Public Sub EiotPush(ByVal Batch As LongPtr, ByVal Eid As String, ByVal Tag As Long)
    Dim bytes() As Byte, failure As LongPtr
    bytes = Utf8(Eid)
    ' A Currency is an integer of 64 bits that counts ten-thousandths.
    Check eiot_batch_push(Batch, bytes(0), Length(bytes), CCur(Tag) / 10000, failure), failure
End Sub

' Whether EiotNext would have enough to do with more cards.
Public Function EiotHasRoom(ByVal Batch As LongPtr) As Boolean
    EiotHasRoom = eiot_batch_has_room(Batch) <> 0
End Function

' Waits for the next result, in order of completion; False when all cards have come back.
Public Function EiotNext(ByVal Batch As LongPtr, ByRef Card As EiotResult) As Boolean
    Dim taken As LongPtr, failure As LongPtr
    Check eiot_batch_next(Batch, FOREVER, taken, failure), failure
    If taken = 0 Then Exit Function
    Card.Tag = CLng(eiot_result_tag(taken) * 10000)
    Card.GivenEid = Text(eiot_result_input(taken))
    Card.Eid = Text(eiot_result_eid(taken))
    Card.IsDuplicate = eiot_result_is_duplicate(taken) <> 0
    Card.Ok = eiot_result_status(taken) = EIOT_OK
    Card.Reply = ReadReply(eiot_result_reply(taken))
    Card.Failure = ReadError(eiot_result_error(taken))
    eiot_result_free taken
    EiotNext = True
End Function

' Ends a batch; 0 has no effect.
Public Sub EiotFreeBatch(ByRef Batch As LongPtr)
    eiot_batch_free Batch
    Batch = 0
End Sub

' Raises an error of the status EIOT_ERR_SIGNATURE unless the signature of a webhook's body, as text, is valid.
Public Sub EiotVerifyWebhook(ByVal Payload As String, ByVal Secret As String, Optional ByVal MaxAgeMs As Long = 0, _
        Optional ByVal Method As Long = EIOT_SIGN_SHA1)
    Dim body() As Byte, key() As Byte, failure As LongPtr
    body = Utf8(Payload)
    key = Utf8(Secret)
    Check eiot_webhook_verify(body(0), Length(body), key(0), Length(key), Method, CCur(MaxAgeMs) / 10000, failure), failure
End Sub

Private Function SetOption(ByVal config As LongPtr, ByVal pair As String, ByRef failure As LongPtr) As Long
    Dim place As Long, optionName() As Byte, value() As Byte
    place = InStr(pair, "=")
    If place = 0 Then place = Len(pair) + 1
    optionName = Utf8(Left$(pair, place - 1))
    value = Utf8(Mid$(pair, place + 1))
    SetOption = eiot_config_set_option(config, optionName(0), Length(optionName), value(0), Length(value), failure)
End Function

' Raises the error of a status that is not EIOT_OK, and frees it.
Private Sub Check(ByVal status As Long, ByVal failure As LongPtr)
    If status = EIOT_OK Then Exit Sub
    LastError = ReadError(failure)
    LastError.Status = status
    LastError.Kind = Text(eiot_status_kind(status))
    eiot_error_free failure
    Err.Raise EIOT_ERROR_BASE + status, "eiot", LastError.Message
End Sub

Private Function ReadError(ByVal failure As LongPtr) As EiotError
    Dim waiting As Currency
    If failure = 0 Then Exit Function
    ReadError.Status = eiot_error_status(failure)
    ReadError.Kind = Text(eiot_status_kind(ReadError.Status))
    ReadError.Message = Text(eiot_error_message(failure))
    ReadError.Eid = Text(eiot_error_eid(failure))
    ReadError.Code = Text(eiot_error_platform_code(failure))
    ReadError.PlatformMessage = Text(eiot_error_platform_message(failure))
    ReadError.HttpStatus = eiot_error_http_status(failure)
    ReadError.Attempts = eiot_error_attempts(failure)
    waiting = eiot_error_retry_after_ms(failure)
    ReadError.RetryAfterMs = CDbl(waiting) * 10000
    ReadError.Delivered = eiot_error_delivered(failure)
    ReadError.IsFinal = eiot_error_is_final(failure) <> 0
    ReadError.IsRetryable = eiot_error_is_retryable(failure) <> 0
End Function

Private Function ReadReply(ByVal reply As LongPtr) As EiotReply
    If reply = 0 Then Exit Function
    ReadReply.Eid = Text(eiot_reply_eid(reply))
    ReadReply.Code = Text(eiot_reply_code(reply))
    ReadReply.Message = Text(eiot_reply_message(reply))
    ReadReply.DataJson = Text(eiot_reply_data_json(reply))
    ReadReply.Attempts = eiot_reply_attempts(reply)
End Function

' Text as UTF-8, with a NUL behind it.
Private Function Utf8(ByVal value As String) As Byte()
    Dim bytes() As Byte, size As Long
    size = WideCharToMultiByte(CP_UTF8, 0, StrPtr(value), Len(value), 0, 0, 0, 0)
    ReDim bytes(0 To size)
    If size > 0 Then WideCharToMultiByte CP_UTF8, 0, StrPtr(value), Len(value), VarPtr(bytes(0)), size, 0, 0
    Utf8 = bytes
End Function

' How many bytes there are before that NUL.
Private Function Length(ByRef bytes() As Byte) As Long
    Length = UBound(bytes)
End Function

' A copy of C's text; "" for NULL.
Private Function Text(ByVal pointer As LongPtr) As String
    Dim size As Long, count As Long, decoded As String
    If pointer = 0 Then Exit Function
    size = lstrlenA(pointer)
    If size = 0 Then Exit Function
    count = MultiByteToWideChar(CP_UTF8, 0, pointer, size, 0, 0)
    decoded = String$(count, 0)
    MultiByteToWideChar CP_UTF8, 0, pointer, size, StrPtr(decoded), count
    Text = decoded
End Function
