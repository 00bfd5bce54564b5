{ Drives Eiot.pas for tests/test_bindings.py, which says what the arguments are. }
program Driver;

{$IFDEF FPC}{$MODE DELPHI}{$ENDIF}
{$APPTYPE CONSOLE}

uses
  {$IFDEF UNIX} cthreads, {$ENDIF}
  SysUtils, Classes, Eiot;

type
  TTexts = array of UTF8String;

  TTeller = class(TEiotCallbacks)
    procedure Tell(const Text: UTF8String);
  end;

  { Makes calls, and counts those that succeed. }
  TCaller = class(TThread)
    Client: TEiotClient;
    Calls, Succeeded: Integer;
    Eid: UTF8String;
    procedure Execute; override;
  end;

  { Cancels after 200 ms. }
  TCanceller = class(TThread)
    Cancel: TEiotCancel;
    procedure Execute; override;
  end;

const
  BOOLEANS: array[Boolean] of UTF8String = ('false', 'true');

var
  Client: TEiotClient;
  Arguments: TTexts;

procedure Say(const Line: UTF8String);
begin
  { As bytes: they are UTF-8 already. }
  FileWrite(StdOutputHandle, PAnsiChar(Line + #10)^, Length(Line) + 1);
end;

function Quoted(const Text: UTF8String): UTF8String;
var
  Index: Integer;
begin
  Result := '"';
  for Index := 1 to Length(Text) do
    case Text[Index] of
      '"', '\': Result := Result + '\' + Text[Index];
      #0..#31: Result := Result + '\u' + UTF8String(IntToHex(Ord(Text[Index]), 4));
    else
      Result := Result + Text[Index];
    end;
  Result := Result + '"';
end;

{ Errors have '' where there is nothing. }
function OrNull(const Text: UTF8String): UTF8String;
begin
  if Text = '' then
    Result := 'null'
  else
    Result := Quoted(Text);
end;

function Number(Value: Int64): UTF8String;
begin
  Result := UTF8String(IntToStr(Value));
end;

function ReplyJson(const Reply: TEiotReply): UTF8String;
begin
  Result := '"ok": true, "status": 0, "eid": ' + Quoted(Reply.Eid) + ', "code": ' + Quoted(Reply.Code) + ', "message": '
    + Quoted(Reply.Text) + ', "data_json": ' + OrNull(Reply.DataJson) + ', "attempts": ' + Number(Reply.Attempts);
end;

function ErrorJson(Error: EEiotError): UTF8String;
var
  Index: Integer;
  Headers: UTF8String;
begin
  Headers := '';
  for Index := 0 to Error.HeaderCount - 1 do
  begin
    if Index > 0 then
      Headers := Headers + ', ';
    Headers := Headers + Quoted(Error.Headers[Index].Name) + ': ' + Quoted(Error.Headers[Index].Value);
  end;
  Result := '"ok": false, "status": ' + Number(Error.Status) + ', "kind": ' + Quoted(Error.Kind) + ', "message": '
    + Quoted(Error.Text) + ', "eid": ' + OrNull(Error.Eid) + ', "code": ' + OrNull(Error.Code) + ', "platform_message": '
    + OrNull(Error.PlatformMessage) + ', "http_status": ' + Number(Error.HttpStatus) + ', "attempts": ' + Number(Error.Attempts)
    + ', "retry_after_ms": ' + Number(Error.RetryAfterMs) + ', "delivered": ' + Number(Ord(Error.Delivered)) + ', "retryable": '
    + BOOLEANS[Error.IsRetryable] + ', "final": ' + BOOLEANS[Error.IsFinal] + ', "body": ' + OrNull(Error.Body)
    + ', "headers": {' + Headers + '}';
end;

procedure SayError(Error: EEiotError);
begin
  Say('{' + ErrorJson(Error) + '}');
end;

{ "hex:8904ff" stands for these bytes. }
function Decoded(const Word: UTF8String): UTF8String;
var
  Index: Integer;
begin
  Result := Word;
  if Copy(Word, 1, 4) <> 'hex:' then
    Exit;
  SetLength(Result, (Length(Word) - 4) div 2);
  for Index := 1 to Length(Result) do
    Result[Index] := AnsiChar(StrToInt('$' + string(Copy(Word, 3 + 2 * Index, 2))));
end;

procedure Refresh(From: TEiotClient; const Eid: UTF8String; Cancel: TEiotCancel);
begin
  try
    Say('{' + ReplyJson(From.RefreshUsage(Eid, Cancel)) + '}');
  except
    on E: EEiotError do
      SayError(E);
  end;
end;

procedure RunBatch(const Eids: TTexts; Cancel: TEiotCancel);
var
  Batch: TEiotBatch;
  Card: TEiotResult;
  Pushed: Integer;
  More: UTF8String;
begin
  Batch := Client.NewBatch(8, Cancel);
  try
    Pushed := 0;
    repeat
      while (Pushed < Length(Eids)) and Batch.HasRoom do
      begin
        Batch.Push(Eids[Pushed]);
        Inc(Pushed);
      end;
      if not Batch.Next(Card) then
        Break;
      More := '"index": ' + Number(Card.Index) + ', "input": ' + Quoted(Card.Input) + ', "duplicate": '
        + BOOLEANS[Card.IsDuplicate] + ', ';
      if Card.Error = nil then
        Say('{' + More + ReplyJson(Card.Reply) + '}')
      else
        Say('{' + More + ErrorJson(Card.Error) + '}');
    until False;
  finally
    Batch.Free;
  end;
end;

procedure TTeller.Tell(const Text: UTF8String);
begin
  Say('{"event": ' + Text + '}');
end;

procedure TCaller.Execute;
var
  Call: Integer;
begin
  for Call := 1 to Calls do
    try
      Client.RefreshUsage(Eid);
      Inc(Succeeded);
    except
      on E: EEiotError do
        SayError(E);
    end;
end;

procedure TCanceller.Execute;
begin
  Sleep(200);
  Cancel.Trigger;
end;

procedure RunThreads(Count, Calls: Integer; const Eid: UTF8String);
var
  Callers: array of TCaller;
  Index, Total: Integer;
begin
  SetLength(Callers, Count);
  for Index := 0 to Count - 1 do
  begin
    Callers[Index] := TCaller.Create(True);
    Callers[Index].Client := Client;
    Callers[Index].Calls := Calls;
    Callers[Index].Eid := Eid;
    Callers[Index].Start;
  end;
  Total := 0;
  for Index := 0 to Count - 1 do
  begin
    Callers[Index].WaitFor;
    Inc(Total, Callers[Index].Succeeded);
    Callers[Index].Free;
  end;
  Say('{"ok": ' + Number(Total) + '}');
end;

procedure Cancelled(const Eids: TTexts);
var
  Index: Integer;
  Cancel: TEiotCancel;
  Canceller: TCanceller;
begin
  { Each of the cards, and then all of them as a batch. }
  for Index := 0 to Length(Eids) do
  begin
    Cancel := TEiotCancel.Create;
    Canceller := TCanceller.Create(True);
    Canceller.Cancel := Cancel;
    Canceller.Start;
    if Index < Length(Eids) then
      Refresh(Client, Eids[Index], Cancel)
    else
      RunBatch(Eids, Cancel);
    Canceller.WaitFor;
    Canceller.Free;
    Cancel.Free;
  end;
end;

{ What follows the first arguments. }
function Rest(From: Integer): TTexts;
var
  Index: Integer;
begin
  Result := nil;
  SetLength(Result, Length(Arguments) - From);
  for Index := 0 to High(Result) do
    Result[Index] := Arguments[From + Index];
end;

function MethodOf(const Name: UTF8String): TEiotSignMethod;
begin
  if Name = 'md5' then
    Result := smMd5
  else
    Result := smSha1;
end;

procedure Run(const Verb: UTF8String);
var
  Index: Integer;
  Other: TEiotClient;
  Teller: TTeller;
begin
  if (Verb = 'refresh') or (Verb = 'stats') then
  begin
    for Index := 0 to High(Arguments) do
      Refresh(Client, Decoded(Arguments[Index]), nil);
    if Verb = 'stats' then
      Say('{"stats": ' + Client.StatsJson + '}');
  end
  else if Verb = 'batch' then
    RunBatch(Arguments, nil)
  else if Verb = 'derived' then
  begin
    Other := Client.WithOptions([Arguments[0] + '=' + Arguments[1]]);
    Refresh(Other, Arguments[2], nil);
    Other.Free;
    Refresh(Client, Arguments[2], nil);
  end
  else if Verb = 'events' then
  begin
    Teller := TTeller.Create;
    Teller.OnEvent := Teller.Tell;
    Other := Client.WithOptions([], Teller);
    for Index := 0 to High(Arguments) do
      Refresh(Other, Arguments[Index], nil);
    Other.Free;
    Teller.Free;
  end
  else if Verb = 'call' then
    Say('{' + ReplyJson(Client.Call(Arguments[0], Arguments[1], Length(Arguments) > 2)) + '}')
  else if Verb = 'verify' then
  begin
    EiotVerifyWebhook(Arguments[0], Arguments[1], StrToInt64(string(Arguments[3])), MethodOf(Arguments[2]));
    Say('{"ok": true, "status": 0}');
  end
  else if Verb = 'sign' then
    Say('{"sign": ' + Quoted(EiotSign(Rest(2), Arguments[0], MethodOf(Arguments[1]))) + '}')
  else if Verb = 'statuses' then
  begin
    for Index := 0 to 200 do
      if EiotKind(Index) <> 'unknown' then
        Say('{"status": ' + Number(Index) + ', "kind": ' + Quoted(EiotKind(Index)) + '}');
  end
  else if Verb = 'options' then
    Say('{"options": "any"}')
  else if Verb = 'threads' then
    RunThreads(StrToInt(string(Arguments[0])), StrToInt(string(Arguments[1])), Arguments[2])
  else if Verb = 'cancelled' then
    Cancelled(Arguments)
  else if Verb = 'shown' then
    Say('{"shown": ' + Quoted(UTF8String(Client.ToString)) + '}')
  else if Verb = 'closed' then
  begin
    Client.Close;
    Client.Close;
    Refresh(Client, '1', nil);
  end;
end;

{$IFDEF WINDOWS}
function GetCommandLineW: PWideChar; stdcall; external 'kernel32.dll';
function CommandLineToArgvW(Line: PWideChar; out Count: Integer): PPWideChar; stdcall; external 'shell32.dll';
{$ENDIF}

{ The arguments. On Windows, ParamStr has them in the ANSI code page, and does not know \". }
function CommandLine: TTexts;
var
  Index: Integer;
{$IFDEF WINDOWS}
  Count: Integer;
  Wide: PPWideChar;
{$ENDIF}
begin
  Result := nil;
{$IFDEF WINDOWS}
  Wide := CommandLineToArgvW(GetCommandLineW, Count);
  SetLength(Result, Count - 1);
  for Index := 0 to High(Result) do
    Result[Index] := UTF8Encode(UnicodeString(Wide[Index + 1]));
{$ELSE}
  SetLength(Result, ParamCount);
  for Index := 0 to High(Result) do
    Result[Index] := UTF8String(ParamStr(Index + 1));
{$ENDIF}
end;

var
  Options, Words: TTexts;
  Verb: UTF8String;
  Index: Integer;
  InOptions: Boolean;

begin
  try
    Options := nil;
    Arguments := nil;
    Verb := 'refresh';
    InOptions := True;
    Words := CommandLine;
    for Index := 0 to High(Words) do
      if InOptions and (Words[Index] = '--') then
        InOptions := False
      else if InOptions and (Pos(UTF8String('='), Words[Index]) > 0) then
      begin
        SetLength(Options, Length(Options) + 1);
        Options[High(Options)] := Words[Index];
      end
      else if InOptions then
        Verb := Words[Index]
      else
      begin
        SetLength(Arguments, Length(Arguments) + 1);
        Arguments[High(Arguments)] := Words[Index];
      end;
    if (Length(Options) > 0) or (Verb = 'closed') then
      Client := TEiotClient.Create(Options)
    else if Verb = 'refresh' then
      Client := TEiotClient.FromEnvironment([]);
    Run(Verb);
    Client.Free;
  except
    on E: EEiotError do
      SayError(E);
    on E: Exception do
    begin
      WriteLn(ErrOutput, E.Message);
      ExitCode := 1;
    end;
  end;
end.
