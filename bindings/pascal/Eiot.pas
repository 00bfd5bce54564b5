{ Refreshes the package usage of EIOTCLUB cloud eSIM cards: a thin wrapper around libeiot, for Delphi and Free Pascal.

  All text is UTF8String, in both directions; Delphi converts from and to string. Where there is no text, it is ''. Times are in
  milliseconds. Failures raise EEiotError. }
unit Eiot;

{$IFDEF FPC}{$MODE DELPHI}{$ENDIF}
{$H+}

interface

uses
  SysUtils;

type
  { Whether the platform received the request: nothing was sent; it responded; or it was at least partly sent, and no response
    arrived. Look at this before you repeat a call. }
  TEiotDelivered = (edNo, edYes, edUnknown);

  { The hash function of the signature; the platform documents SHA-1. }
  TEiotSignMethod = (smSha1, smMd5);

  TEiotHeader = record
    Name, Value: UTF8String;
  end;

  { A failed call. The message says what happened, to which EID, and what to do about it. }
  EEiotError = class(Exception)
  private
    FText, FKind, FEid, FCode, FPlatformMessage: UTF8String;
    FBody: RawByteString;
    FHeaders: array of TEiotHeader;
    FStatus, FHttpStatus: Integer;
    FAttempts: Cardinal;
    FRetryAfterMs: Int64;
    FDelivered: TEiotDelivered;
    FIsFinal, FIsRetryable: Boolean;
    function GetHeader(Index: Integer): TEiotHeader;
    function GetHeaderCount: Integer;
  public
    { For this unit. }
    constructor Read(AStatus: Integer; AError: Pointer);
    { The message, as UTF-8; Message is the same as a string. }
    property Text: UTF8String read FText;
    { The error kind, the same word in every language, such as 'timeout'; and its number in C. }
    property Kind: UTF8String read FKind;
    property Status: Integer read FStatus;
    { The card. }
    property Eid: UTF8String read FEid;
    { The platform's own code and message, verbatim. }
    property Code: UTF8String read FCode;
    property PlatformMessage: UTF8String read FPlatformMessage;
    { 0 if there was no response. }
    property HttpStatus: Integer read FHttpStatus;
    { How many requests were sent. }
    property Attempts: Cardinal read FAttempts;
    { How long the platform asks to wait; -1 if it does not. }
    property RetryAfterMs: Int64 read FRetryAfterMs;
    property Delivered: TEiotDelivered read FDelivered;
    { The same call would fail again, whatever changes. }
    property IsFinal: Boolean read FIsFinal;
    { The failure may pass by itself, and it is safe to repeat this call. }
    property IsRetryable: Boolean read FIsRetryable;
    { The first 2 KiB of a response that is not the platform's, such as the page of a proxy. }
    property Body: RawByteString read FBody;
    { The response headers that help support, such as x-request-id. }
    property Headers[Index: Integer]: TEiotHeader read GetHeader;
    property HeaderCount: Integer read GetHeaderCount;
  end;

  { The platform has accepted. }
  TEiotReply = record
    Eid: UTF8String;
    { Always '200'. }
    Code: UTF8String;
    { Show it, but do not compare it. }
    Text: UTF8String;
    { The data of the reply, as JSON. }
    DataJson: UTF8String;
    Attempts: Cardinal;
  end;

  { The result of one card of a batch. }
  TEiotResult = record
    { The place of the card among those that were pushed, from 0. }
    Index: Int64;
    { The EID as it was pushed, and without the whitespace around it. }
    Input, Eid: UTF8String;
    { The same card came shortly before: this is its result, and nothing was sent. }
    IsDuplicate: Boolean;
    { If Error is nil. }
    Reply: TEiotReply;
    { Belongs to the batch, which frees it at the next call of Next. }
    Error: EEiotError;
  end;

  { Receives lines of the log, or events as JSON. It runs on the thread that makes the call; exceptions that it raises are
    discarded. }
  TEiotTextEvent = procedure(const Text: UTF8String) of object;

  { What a client tells its program. Must live as long as the client, its batches, and clients derived from it. }
  TEiotCallbacks = class
  public
    { One line per attempt, and when a batch holds its cards back, resumes or stops; without secret or signature. }
    OnLine: TEiotTextEvent;
    { One JSON object per attempt and per local refusal; docs/statistics.md of eiot describes its members. }
    OnEvent: TEiotTextEvent;
  end;

  { Cancels calls and batches. Must live longer than they do. }
  TEiotCancel = class
  private
    FHandle: Pointer;
  public
    constructor Create;
    destructor Destroy; override;
    { Thread-safe. A call that is cancelled raises EEiotError of the kind 'cancelled'. }
    procedure Trigger;
  end;

  { Many calls in flight at once, on the thread that asks for the next result. Each card comes back exactly once. }
  TEiotBatch = class
  private
    FHandle: Pointer;
    FPushed: Int64;
    FError: EEiotError;
  public
    { For this unit. }
    constructor CreateFor(Client: Pointer; Concurrency: Cardinal; Cancel: TEiotCancel);
    destructor Destroy; override;
    { Adds a card. Sends nothing: Next does. }
    procedure Push(const Eid: UTF8String);
    { Whether Next would have enough to do with more cards. }
    function HasRoom: Boolean;
    { Waits for the next result, in order of completion; False when all cards have come back. }
    function Next(out Card: TEiotResult): Boolean;
  end;

  { A client of one account. Create one and reuse it: it keeps a connection pool and the state of the rate limiter. Calls may be
    made from many threads; Free must not be called while another thread is in a call. }
  TEiotClient = class
  private
    FHandle: Pointer;
    function Handle: Pointer;
  public
    { For this unit. }
    constructor Configured(Config, Base: Pointer; const Options: array of UTF8String; Callbacks: TEiotCallbacks);
    { Options as 'NAME=VALUE', for example ['appkey=k', 'secret=s', 'timeout=10']; `eiot refresh --help` documents each. }
    constructor Create(const Options: array of UTF8String; Callbacks: TEiotCallbacks = nil);
    { The same, with omitted options taken from the environment: EIOT_APPKEY and so on. }
    constructor FromEnvironment(const Options: array of UTF8String; Callbacks: TEiotCallbacks = nil);
    destructor Destroy; override;
    { A client with these options and otherwise those of this one, with which it shares connections and rate. Callbacks replace
      those of this client, if there are any. }
    function WithOptions(const Options: array of UTF8String; Callbacks: TEiotCallbacks = nil): TEiotClient;
    { Refreshes the package usage of one card and waits for the reply. }
    function RefreshUsage(const Eid: UTF8String; Cancel: TEiotCancel = nil): TEiotReply;
    { Makes any other signed call, with parameters as a JSON object. If the reply is lost, it is retried only if it is idempotent. }
    function Call(const Path, ParametersJson: UTF8String; Idempotent: Boolean = False; Cancel: TEiotCancel = nil): TEiotReply;
    { A batch for many cards, up to Concurrency (0: 32) calls at once. The client may be freed before it. }
    function NewBatch(Concurrency: Cardinal = 0; Cancel: TEiotCancel = nil): TEiotBatch;
    { Counters of the client and of those that share its connections, as JSON. }
    function StatsJson: UTF8String;
    { Closes the connections; later calls raise EEiotError. }
    procedure Close;
  end;

{ Refreshes with a client of the whole process, which the environment configures. }
procedure EiotRefreshUsage(const Eid: UTF8String);
{ The platform's signature of flat parameters 'NAME=VALUE', upper-case hex. }
function EiotSign(const Parameters: array of UTF8String; const Secret: UTF8String; Method: TEiotSignMethod = smSha1): UTF8String;
{ Raises EEiotError of the kind 'invalid_signature' unless the signature of a webhook's body, as it came, is valid. With MaxAgeMs
  above 0 it must have a timestamp, and be no older. }
procedure EiotVerifyWebhook(const Payload: RawByteString; const Secret: UTF8String; MaxAgeMs: Int64 = 0;
  Method: TEiotSignMethod = smSha1);
{ The version of the library. }
function EiotVersion: UTF8String;
{ The kind behind a status number: 'ok' for 0, 'unknown' for an unknown status. }
function EiotKind(Status: Integer): UTF8String;

implementation

uses
  {$IFDEF FPC} DynLibs, {$ELSE} {$IFDEF MSWINDOWS} Windows, {$ENDIF} {$ENDIF}
  Math;

const
  {$IFDEF MSWINDOWS}
  USUAL_LIBRARY = 'eiot.dll';
  REMEDY = 'copy it beside the program or into a folder of PATH, or set EIOT_LIBRARY to its path';
  {$ELSE}
  {$IFDEF DARWIN}
  USUAL_LIBRARY = 'libeiot.0.1.dylib';
  {$ELSE}
  USUAL_LIBRARY = 'libeiot.so.0.1';
  {$ENDIF}
  REMEDY = 'install libeiot and run ldconfig, set LD_LIBRARY_PATH to its directory, or set EIOT_LIBRARY to its path';
  {$ENDIF}
  SIGN_SIZE = 41;

type
  {$IFDEF FPC}
  TMask = TFPUExceptionMask;
  {$ELSE}
  TMask = TArithmeticExceptionMask;
  {$ENDIF}
  TSize = NativeUInt;
  PSize = ^TSize;
  TTextFunction = procedure(Told, UserData: Pointer); cdecl;

var
  { The functions of eiot.h. }
  eiot_version: function: PAnsiChar; cdecl;
  eiot_status_kind: function(status: Integer): PAnsiChar; cdecl;
  eiot_error_message, eiot_error_eid, eiot_error_platform_code, eiot_error_platform_message: function(error: Pointer): PAnsiChar; cdecl;
  eiot_error_http_status, eiot_error_delivered, eiot_error_is_final, eiot_error_is_retryable: function(error: Pointer): Integer; cdecl;
  eiot_error_attempts: function(error: Pointer): Cardinal; cdecl;
  eiot_error_retry_after_ms: function(error: Pointer): Int64; cdecl;
  eiot_error_body: function(error: Pointer; out length: TSize): PAnsiChar; cdecl;
  eiot_error_header: function(error: Pointer; name: PAnsiChar): PAnsiChar; cdecl;
  eiot_error_header_name: function(error: Pointer; index: TSize): PAnsiChar; cdecl;
  eiot_error_free, eiot_reply_free, eiot_config_free, eiot_client_free, eiot_cancel_free, eiot_batch_free, eiot_result_free:
    procedure(handle: Pointer); cdecl;
  eiot_reply_eid, eiot_reply_code, eiot_reply_message, eiot_reply_data_json: function(reply: Pointer): PAnsiChar; cdecl;
  eiot_reply_attempts: function(reply: Pointer): Cardinal; cdecl;
  eiot_config_new, eiot_config_from_env, eiot_cancel_new: function(out made, error: Pointer): Integer; cdecl;
  eiot_config_set_option: function(config: Pointer; name: PAnsiChar; name_length: TSize; value: PAnsiChar; value_length: TSize;
    out error: Pointer): Integer; cdecl;
  eiot_config_set_log, eiot_config_set_event_callback: function(config: Pointer; callback: TTextFunction; user_data: Pointer;
    out error: Pointer): Integer; cdecl;
  eiot_event_json: function(event: Pointer): PAnsiChar; cdecl;
  eiot_config_from_client, eiot_client_new: function(from: Pointer; out made, error: Pointer): Integer; cdecl;
  eiot_client_with_options: function(client, config: Pointer; out derived, error: Pointer): Integer; cdecl;
  eiot_client_stats_json: function(client: Pointer; buffer: PAnsiChar; size: TSize): TSize; cdecl;
  eiot_client_refresh_usage_with_cancel: function(client: Pointer; eid: PAnsiChar; length: TSize; cancel: Pointer;
    out reply, error: Pointer): Integer; cdecl;
  eiot_client_call: function(client: Pointer; path: PAnsiChar; path_length: TSize; parameters: PAnsiChar; parameters_length: TSize;
    idempotent: Integer; cancel: Pointer; out reply, error: Pointer): Integer; cdecl;
  eiot_cancel_trigger: procedure(cancel: Pointer); cdecl;
  eiot_batch_new: function(client: Pointer; concurrency: Cardinal; cancel: Pointer; out batch, error: Pointer): Integer; cdecl;
  eiot_batch_has_room: function(batch: Pointer): Integer; cdecl;
  eiot_batch_push: function(batch: Pointer; eid: PAnsiChar; length: TSize; tag: UInt64; out error: Pointer): Integer; cdecl;
  eiot_batch_next: function(batch: Pointer; timeout_ms: Int64; out result, error: Pointer): Integer; cdecl;
  eiot_result_tag: function(result: Pointer): UInt64; cdecl;
  eiot_result_status, eiot_result_is_duplicate: function(result: Pointer): Integer; cdecl;
  eiot_result_input, eiot_result_eid: function(result: Pointer): PAnsiChar; cdecl;
  eiot_result_reply, eiot_result_error: function(result: Pointer): Pointer; cdecl;
  eiot_refresh_usage_n: function(eid: PAnsiChar; length: TSize; out error: Pointer): Integer; cdecl;
  eiot_webhook_verify: function(payload: PAnsiChar; payload_length: TSize; secret: PAnsiChar; secret_length: TSize; method: Integer;
    max_age_ms: UInt64; out error: Pointer): Integer; cdecl;
  eiot_sign: function(names, values: Pointer; count: TSize; secret: PAnsiChar; secret_length: TSize; method: Integer;
    sign: PAnsiChar; size: TSize; out error: Pointer): Integer; cdecl;

  LibraryHandle: {$IFDEF FPC} TLibHandle {$ELSE} HMODULE {$ENDIF};
  Loading: TRTLCriticalSection;

{ Pascal lets operations on floating-point numbers trap, which C and Rust do not expect. }
function Untrapped: TMask;
begin
  Result := SetExceptionMask([exInvalidOp, exDenormalized, exZeroDivide, exOverflow, exUnderflow, exPrecision]);
end;

procedure LoadAll(Handle: {$IFDEF FPC} TLibHandle {$ELSE} HMODULE {$ENDIF});

  procedure Find(out Place; const Name: string);
  var
    Address: Pointer;
  begin
    Address := GetProcAddress(Handle, {$IFDEF FPC} Name {$ELSE} PChar(Name) {$ENDIF});
    if Address = nil then
      raise Exception.Create('the eiot library is older than Eiot.pas: it has no ' + Name);
    Pointer(Place) := Address;
  end;

begin
  Find(eiot_version, 'eiot_version');
  Find(eiot_status_kind, 'eiot_status_kind');
  Find(eiot_error_message, 'eiot_error_message');
  Find(eiot_error_eid, 'eiot_error_eid');
  Find(eiot_error_platform_code, 'eiot_error_platform_code');
  Find(eiot_error_platform_message, 'eiot_error_platform_message');
  Find(eiot_error_http_status, 'eiot_error_http_status');
  Find(eiot_error_delivered, 'eiot_error_delivered');
  Find(eiot_error_is_final, 'eiot_error_is_final');
  Find(eiot_error_is_retryable, 'eiot_error_is_retryable');
  Find(eiot_error_attempts, 'eiot_error_attempts');
  Find(eiot_error_retry_after_ms, 'eiot_error_retry_after_ms');
  Find(eiot_error_body, 'eiot_error_body');
  Find(eiot_error_header, 'eiot_error_header');
  Find(eiot_error_header_name, 'eiot_error_header_name');
  Find(eiot_error_free, 'eiot_error_free');
  Find(eiot_reply_free, 'eiot_reply_free');
  Find(eiot_config_free, 'eiot_config_free');
  Find(eiot_client_free, 'eiot_client_free');
  Find(eiot_cancel_free, 'eiot_cancel_free');
  Find(eiot_batch_free, 'eiot_batch_free');
  Find(eiot_result_free, 'eiot_result_free');
  Find(eiot_reply_eid, 'eiot_reply_eid');
  Find(eiot_reply_code, 'eiot_reply_code');
  Find(eiot_reply_message, 'eiot_reply_message');
  Find(eiot_reply_data_json, 'eiot_reply_data_json');
  Find(eiot_reply_attempts, 'eiot_reply_attempts');
  Find(eiot_config_new, 'eiot_config_new');
  Find(eiot_config_from_env, 'eiot_config_from_env');
  Find(eiot_cancel_new, 'eiot_cancel_new');
  Find(eiot_config_set_option, 'eiot_config_set_option');
  Find(eiot_config_set_log, 'eiot_config_set_log');
  Find(eiot_config_set_event_callback, 'eiot_config_set_event_callback');
  Find(eiot_event_json, 'eiot_event_json');
  Find(eiot_config_from_client, 'eiot_config_from_client');
  Find(eiot_client_new, 'eiot_client_new');
  Find(eiot_client_with_options, 'eiot_client_with_options');
  Find(eiot_client_stats_json, 'eiot_client_stats_json');
  Find(eiot_client_refresh_usage_with_cancel, 'eiot_client_refresh_usage_with_cancel');
  Find(eiot_client_call, 'eiot_client_call');
  Find(eiot_cancel_trigger, 'eiot_cancel_trigger');
  Find(eiot_batch_new, 'eiot_batch_new');
  Find(eiot_batch_has_room, 'eiot_batch_has_room');
  Find(eiot_batch_push, 'eiot_batch_push');
  Find(eiot_batch_next, 'eiot_batch_next');
  Find(eiot_result_tag, 'eiot_result_tag');
  Find(eiot_result_status, 'eiot_result_status');
  Find(eiot_result_is_duplicate, 'eiot_result_is_duplicate');
  Find(eiot_result_input, 'eiot_result_input');
  Find(eiot_result_eid, 'eiot_result_eid');
  Find(eiot_result_reply, 'eiot_result_reply');
  Find(eiot_result_error, 'eiot_result_error');
  Find(eiot_refresh_usage_n, 'eiot_refresh_usage_n');
  Find(eiot_webhook_verify, 'eiot_webhook_verify');
  Find(eiot_sign, 'eiot_sign');
end;

{ Loads the library at the first use. }
procedure Need;
var
  Name: string;
  Handle: {$IFDEF FPC} TLibHandle {$ELSE} HMODULE {$ENDIF};
begin
  EnterCriticalSection(Loading);
  try
    if LibraryHandle <> 0 then
      Exit;
    Name := GetEnvironmentVariable('EIOT_LIBRARY');
    if Name = '' then
      Name := USUAL_LIBRARY;
    Handle := {$IFDEF FPC} LoadLibrary(Name) {$ELSE} LoadLibrary(PChar(Name)) {$ENDIF};
    if Handle = 0 then
      raise Exception.Create('cannot load ' + Name + ': ' + REMEDY
        {$IFDEF FPC} + ' (' + GetLoadErrorStr + ')' {$ELSE} + ' (' + SysErrorMessage(GetLastError) + ')' {$ENDIF});
    LoadAll(Handle);
    LibraryHandle := Handle;
  finally
    LeaveCriticalSection(Loading);
  end;
end;

{ A copy of C's text; '' for NULL. }
function Copied(Text: PAnsiChar): UTF8String;
begin
  Result := '';
  if Text <> nil then
    SetString(Result, Text, StrLen(Text));
end;

procedure Check(Status: Integer; Error: Pointer);
var
  Made: EEiotError;
begin
  if Status = 0 then
    Exit;
  Made := EEiotError.Read(Status, Error);
  eiot_error_free(Error);
  raise Made;
end;

function ReadReply(Reply: Pointer): TEiotReply;
begin
  Result.Eid := Copied(eiot_reply_eid(Reply));
  Result.Code := Copied(eiot_reply_code(Reply));
  Result.Text := Copied(eiot_reply_message(Reply));
  Result.DataJson := Copied(eiot_reply_data_json(Reply));
  Result.Attempts := eiot_reply_attempts(Reply);
end;

function TakeReply(Reply: Pointer): TEiotReply;
begin
  Result := ReadReply(Reply);
  eiot_reply_free(Reply);
end;

function CancelHandle(Cancel: TEiotCancel): Pointer;
begin
  if Cancel = nil then
    Result := nil
  else
    Result := Cancel.FHandle;
end;

{ 'NAME=VALUE' in two. }
procedure Split(const Pair: UTF8String; out Name, Value: UTF8String);
var
  Place: Integer;
begin
  Place := Pos(UTF8String('='), Pair);
  if Place = 0 then
    raise EArgumentException.Create('an option or a parameter must be NAME=VALUE');
  Name := Copy(Pair, 1, Place - 1);
  Value := Copy(Pair, Place + 1, MaxInt);
end;

procedure OnLog(Told, UserData: Pointer); cdecl;
begin
  try
    TEiotCallbacks(UserData).OnLine(Copied(Told));
  except
    { Nothing may be raised through C, and the call is not to fail for it. }
  end;
end;

procedure OnEvent(Told, UserData: Pointer); cdecl;
begin
  try
    TEiotCallbacks(UserData).OnEvent(Copied(eiot_event_json(Told)));
  except
  end;
end;

{ EEiotError }

constructor EEiotError.Read(AStatus: Integer; AError: Pointer);
var
  Length: TSize;
  Bytes, Name: PAnsiChar;
begin
  FText := Copied(eiot_error_message(AError));
  inherited Create({$IFDEF UNICODE} UTF8ToString(FText) {$ELSE} string(FText) {$ENDIF});
  FStatus := AStatus;
  FKind := Copied(eiot_status_kind(AStatus));
  FEid := Copied(eiot_error_eid(AError));
  FCode := Copied(eiot_error_platform_code(AError));
  FPlatformMessage := Copied(eiot_error_platform_message(AError));
  FHttpStatus := eiot_error_http_status(AError);
  FAttempts := eiot_error_attempts(AError);
  FRetryAfterMs := eiot_error_retry_after_ms(AError);
  FDelivered := TEiotDelivered(eiot_error_delivered(AError));
  FIsFinal := eiot_error_is_final(AError) <> 0;
  FIsRetryable := eiot_error_is_retryable(AError) <> 0;
  Bytes := eiot_error_body(AError, Length);
  SetString(FBody, Bytes, Length);
  Name := eiot_error_header_name(AError, 0);
  while Name <> nil do
  begin
    SetLength(FHeaders, System.Length(FHeaders) + 1);
    FHeaders[High(FHeaders)].Name := Copied(Name);
    FHeaders[High(FHeaders)].Value := Copied(eiot_error_header(AError, Name));
    Name := eiot_error_header_name(AError, System.Length(FHeaders));
  end;
end;

function EEiotError.GetHeader(Index: Integer): TEiotHeader;
begin
  Result := FHeaders[Index];
end;

function EEiotError.GetHeaderCount: Integer;
begin
  Result := Length(FHeaders);
end;

{ TEiotCancel }

constructor TEiotCancel.Create;
var
  Error: Pointer;
begin
  Need;
  Check(eiot_cancel_new(FHandle, Error), Error);
end;

destructor TEiotCancel.Destroy;
begin
  if FHandle <> nil then
    eiot_cancel_free(FHandle);
  inherited;
end;

procedure TEiotCancel.Trigger;
begin
  eiot_cancel_trigger(FHandle);
end;

{ TEiotClient }

constructor TEiotClient.Configured(Config, Base: Pointer; const Options: array of UTF8String; Callbacks: TEiotCallbacks);
var
  Index: Integer;
  Name, Value: UTF8String;
  Error: Pointer;
  Mask: TMask;
begin
  Mask := Untrapped;
  try
    for Index := 0 to High(Options) do
    begin
      Split(Options[Index], Name, Value);
      Check(eiot_config_set_option(Config, PAnsiChar(Name), Length(Name), PAnsiChar(Value), Length(Value), Error), Error);
    end;
    if (Callbacks <> nil) and Assigned(Callbacks.OnLine) then
      Check(eiot_config_set_log(Config, OnLog, Callbacks, Error), Error);
    if (Callbacks <> nil) and Assigned(Callbacks.OnEvent) then
      Check(eiot_config_set_event_callback(Config, OnEvent, Callbacks, Error), Error);
    if Base = nil then
      Check(eiot_client_new(Config, FHandle, Error), Error)
    else
      Check(eiot_client_with_options(Base, Config, FHandle, Error), Error);
  finally
    eiot_config_free(Config);
    SetExceptionMask(Mask);
  end;
end;

constructor TEiotClient.Create(const Options: array of UTF8String; Callbacks: TEiotCallbacks);
var
  Config, Error: Pointer;
begin
  Need;
  Check(eiot_config_new(Config, Error), Error);
  Configured(Config, nil, Options, Callbacks);
end;

constructor TEiotClient.FromEnvironment(const Options: array of UTF8String; Callbacks: TEiotCallbacks);
var
  Config, Error: Pointer;
  Mask: TMask;
begin
  Need;
  Mask := Untrapped;
  try
    Check(eiot_config_from_env(Config, Error), Error);
  finally
    SetExceptionMask(Mask);
  end;
  Configured(Config, nil, Options, Callbacks);
end;

destructor TEiotClient.Destroy;
begin
  Close;
  inherited;
end;

procedure TEiotClient.Close;
begin
  if FHandle <> nil then
    eiot_client_free(FHandle);
  FHandle := nil;
end;

{ C itself refuses NULL, with an error that says so. }
function TEiotClient.Handle: Pointer;
begin
  Result := FHandle;
end;

function TEiotClient.WithOptions(const Options: array of UTF8String; Callbacks: TEiotCallbacks): TEiotClient;
var
  Config, Error: Pointer;
begin
  Check(eiot_config_from_client(Handle, Config, Error), Error);
  Result := TEiotClient.Configured(Config, Handle, Options, Callbacks);
end;

function TEiotClient.RefreshUsage(const Eid: UTF8String; Cancel: TEiotCancel): TEiotReply;
var
  Reply, Error: Pointer;
  Mask: TMask;
begin
  Mask := Untrapped;
  try
    Check(eiot_client_refresh_usage_with_cancel(Handle, PAnsiChar(Eid), Length(Eid), CancelHandle(Cancel), Reply, Error), Error);
  finally
    SetExceptionMask(Mask);
  end;
  Result := TakeReply(Reply);
end;

function TEiotClient.Call(const Path, ParametersJson: UTF8String; Idempotent: Boolean; Cancel: TEiotCancel): TEiotReply;
var
  Reply, Error: Pointer;
  Mask: TMask;
begin
  Mask := Untrapped;
  try
    Check(eiot_client_call(Handle, PAnsiChar(Path), Length(Path), PAnsiChar(ParametersJson), Length(ParametersJson),
      Ord(Idempotent), CancelHandle(Cancel), Reply, Error), Error);
  finally
    SetExceptionMask(Mask);
  end;
  Result := TakeReply(Reply);
end;

function TEiotClient.NewBatch(Concurrency: Cardinal; Cancel: TEiotCancel): TEiotBatch;
begin
  Result := TEiotBatch.CreateFor(Handle, Concurrency, Cancel);
end;

function TEiotClient.StatsJson: UTF8String;
var
  Size: TSize;
begin
  Size := 1024;
  repeat
    Result := '';
    SetLength(Result, Size);
    { The place of the NUL is there too. Counters may grow between two calls. }
    Size := eiot_client_stats_json(Handle, PAnsiChar(Result), TSize(Length(Result)) + 1);
  until Size <= TSize(Length(Result));
  SetLength(Result, Size);
end;

{ TEiotBatch }

constructor TEiotBatch.CreateFor(Client: Pointer; Concurrency: Cardinal; Cancel: TEiotCancel);
var
  Error: Pointer;
begin
  Check(eiot_batch_new(Client, Concurrency, CancelHandle(Cancel), FHandle, Error), Error);
end;

destructor TEiotBatch.Destroy;
begin
  if FHandle <> nil then
    eiot_batch_free(FHandle);
  FError.Free;
  inherited;
end;

procedure TEiotBatch.Push(const Eid: UTF8String);
var
  Error: Pointer;
begin
  Check(eiot_batch_push(FHandle, PAnsiChar(Eid), Length(Eid), UInt64(FPushed), Error), Error);
  Inc(FPushed);
end;

function TEiotBatch.HasRoom: Boolean;
begin
  Result := eiot_batch_has_room(FHandle) <> 0;
end;

function TEiotBatch.Next(out Card: TEiotResult): Boolean;
const
  FOREVER = -1;
var
  Taken, Error: Pointer;
  Mask: TMask;
begin
  FreeAndNil(FError);
  Mask := Untrapped;
  try
    Check(eiot_batch_next(FHandle, FOREVER, Taken, Error), Error);
  finally
    SetExceptionMask(Mask);
  end;
  Result := Taken <> nil;
  if not Result then
    Exit;
  Card.Index := Int64(eiot_result_tag(Taken));
  Card.Input := Copied(eiot_result_input(Taken));
  Card.Eid := Copied(eiot_result_eid(Taken));
  Card.IsDuplicate := eiot_result_is_duplicate(Taken) <> 0;
  Card.Reply := ReadReply(eiot_result_reply(Taken));
  if eiot_result_error(Taken) <> nil then
    FError := EEiotError.Read(eiot_result_status(Taken), eiot_result_error(Taken));
  Card.Error := FError;
  eiot_result_free(Taken);
end;

{ Functions }

procedure EiotRefreshUsage(const Eid: UTF8String);
var
  Error: Pointer;
  Mask: TMask;
begin
  Need;
  Mask := Untrapped;
  try
    Check(eiot_refresh_usage_n(PAnsiChar(Eid), Length(Eid), Error), Error);
  finally
    SetExceptionMask(Mask);
  end;
end;

function EiotSign(const Parameters: array of UTF8String; const Secret: UTF8String; Method: TEiotSignMethod): UTF8String;
var
  Names, Values: array of UTF8String;
  NamePointers, ValuePointers: array of PAnsiChar;
  Index, Count: Integer;
  Sign: array[0..SIGN_SIZE - 1] of AnsiChar;
  Error: Pointer;
begin
  Need;
  Count := Length(Parameters);
  SetLength(Names, Count);
  SetLength(Values, Count);
  SetLength(NamePointers, Count);
  SetLength(ValuePointers, Count);
  for Index := 0 to Count - 1 do
  begin
    Split(Parameters[Index], Names[Index], Values[Index]);
    { C ends these texts at a NUL, and would sign what stands before it. }
    if Pos(UTF8String(#0), Parameters[Index]) > 0 then
      raise EArgumentException.Create('a parameter must not contain a NUL');
    NamePointers[Index] := PAnsiChar(Names[Index]);
    ValuePointers[Index] := PAnsiChar(Values[Index]);
  end;
  Check(eiot_sign(Pointer(NamePointers), Pointer(ValuePointers), Count, PAnsiChar(Secret), Length(Secret), Ord(Method) + 1,
    @Sign, SIGN_SIZE, Error), Error);
  Result := Copied(@Sign);
end;

procedure EiotVerifyWebhook(const Payload: RawByteString; const Secret: UTF8String; MaxAgeMs: Int64; Method: TEiotSignMethod);
var
  Error: Pointer;
begin
  Need;
  if MaxAgeMs < 0 then
    raise EArgumentException.Create('MaxAgeMs must not be negative');
  Check(eiot_webhook_verify(PAnsiChar(Payload), Length(Payload), PAnsiChar(Secret), Length(Secret), Ord(Method) + 1,
    UInt64(MaxAgeMs), Error), Error);
end;

function EiotVersion: UTF8String;
begin
  Need;
  Result := Copied(eiot_version());
end;

function EiotKind(Status: Integer): UTF8String;
begin
  Need;
  Result := Copied(eiot_status_kind(Status));
end;

initialization
  {$IFDEF FPC} InitCriticalSection(Loading); {$ELSE} InitializeCriticalSection(Loading); {$ENDIF}

finalization
  {$IFDEF FPC} DoneCriticalSection(Loading); {$ELSE} DeleteCriticalSection(Loading); {$ENDIF}
end.
