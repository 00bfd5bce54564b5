{ Refreshes the cards of the command line. The environment has the account: EIOT_APPKEY and EIOT_SECRET. }
program Refresh;

{$IFDEF FPC}{$MODE DELPHI}{$ENDIF}
{$APPTYPE CONSOLE}

uses
  SysUtils, Eiot;

const
  DELIVERED: array[TEiotDelivered] of string = ('no', 'yes', 'unknown');

var
  Client: TEiotClient;
  Index: Integer;
  Eid: UTF8String;

begin
  try
    Client := TEiotClient.FromEnvironment([]);
    try
      for Index := 1 to ParamCount do
      begin
        Eid := UTF8String(ParamStr(Index));
        WriteLn(Eid, ': ', Client.RefreshUsage(Eid).Text);
      end;
    finally
      Client.Free;
    end;
  except
    on E: EEiotError do
    begin
      WriteLn(ErrOutput, E.Message, ' (', E.Kind, ', code ', E.Code, ', delivered ', DELIVERED[E.Delivered], ')');
      ExitCode := 1;
    end;
    on E: Exception do
    begin
      WriteLn(ErrOutput, E.Message);
      ExitCode := 1;
    end;
  end;
end.
