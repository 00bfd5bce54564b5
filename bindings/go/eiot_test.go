// Tests specific to Go; tests/test_bindings.py runs the others through test/driver.go. Needs eiot-sim, in PATH or where
// EIOT_SIM says.
package eiot_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	eiot "eiot"
)

const (
	eid    = "89044011112233441122334411223321"
	secret = "demo-secret"
)

// simulator starts one that speaks TLS, and gives what a client needs to reach it.
func simulator(t *testing.T, arguments ...string) []eiot.Option {
	t.Helper()
	command := os.Getenv("EIOT_SIM")
	if command == "" {
		command = "eiot-sim"
	}
	authority := filepath.Join(t.TempDir(), "ca.pem")
	running := exec.Command(command, append(arguments, "--port", "0", "--stop-with-stdin", "--unlimited", "--tls", "--ca-out", authority)...)
	stdin, err := running.StdinPipe()
	check(t, err)
	stdout, err := running.StdoutPipe()
	check(t, err)
	check(t, running.Start())
	t.Cleanup(func() {
		stdin.Close()
		running.Wait()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	return []eiot.Option{
		eiot.WithBaseURL(strings.TrimSpace(url)), eiot.WithCAFile(authority), eiot.WithAppKey("demo-appkey"),
		eiot.WithSecret(secret), eiot.WithRateLimit(0), eiot.WithMaxAttempts(1),
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, options []eiot.Option, more ...eiot.Option) *eiot.Client {
	t.Helper()
	client, err := eiot.New(append(options, more...)...)
	check(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

// failure is the *Error behind err, which must be of a kind.
func failure(t *testing.T, err error, kind eiot.Kind) *eiot.Error {
	t.Helper()
	var e *eiot.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("%v is not of the kind %v", err, kind)
	}
	return e
}

func TestACancelledContextBreaksACallOff(t *testing.T) {
	client := newClient(t, simulator(t, "--latency-ms", "5000"))
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	began := time.Now()
	_, err := client.RefreshUsage(ctx, eid)
	if took := time.Since(began); took > 2*time.Second {
		t.Error("took", took)
	}
	e := failure(t, err, eiot.KindCancelled)
	if !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || e.Timeout() {
		t.Error("is not context.Canceled:", err)
	}
	if e.Delivered != eiot.DeliveredUnknown || e.EID != eid {
		t.Errorf("delivered %v, EID %s", e.Delivered, e.EID)
	}
}

func TestADeadlineIsOne(t *testing.T) {
	client := newClient(t, simulator(t, "--latency-ms", "5000"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := client.RefreshUsage(ctx, eid)
	if e := failure(t, err, eiot.KindCancelled); !errors.Is(err, context.DeadlineExceeded) || !e.Timeout() {
		t.Error("is not context.DeadlineExceeded:", err)
	}
	short := newClient(t, simulator(t, "--latency-ms", "5000"), eiot.WithTimeout(100*time.Millisecond))
	_, err = short.RefreshUsage(context.Background(), eid)
	if e := failure(t, err, eiot.KindTimeout); !e.Timeout() || errors.Unwrap(err) != nil {
		t.Errorf("%v: unwraps to %v", err, errors.Unwrap(err))
	}
}

func TestNothingIsSentWhereTheContextHasEndedBefore(t *testing.T) {
	client := newClient(t, simulator(t))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for n := 0; n < 100; n++ {
		_, err := client.RefreshUsage(ctx, eid)
		if e := failure(t, err, eiot.KindCancelled); e.Attempts != 0 || e.Delivered != eiot.DeliveredNo {
			t.Fatalf("%d attempts, delivered %v", e.Attempts, e.Delivered)
		}
	}
}

func TestWatchingContextsLeavesNoGoroutine(t *testing.T) {
	client := newClient(t, simulator(t))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := runtime.NumGoroutine()
	for n := 0; n < 200; n++ {
		_, err := client.RefreshUsage(ctx, eid)
		check(t, err)
	}
	client.RefreshMany(ctx, []string{"1", "2"}, 0).Close()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, then %d", before, after)
	}
}

func TestClosingLetsCallsUnderWayEnd(t *testing.T) {
	client := newClient(t, simulator(t, "--latency-ms", "1000"))
	var calls sync.WaitGroup
	var succeeded int32
	for n := 0; n < 8; n++ {
		calls.Add(1)
		go func() {
			defer calls.Done()
			if _, err := client.RefreshUsage(context.Background(), eid); err == nil {
				atomic.AddInt32(&succeeded, 1)
			}
		}()
	}
	time.Sleep(200 * time.Millisecond)
	began := time.Now()
	check(t, client.Close())
	if took := time.Since(began); took > 300*time.Millisecond {
		t.Error("Close took", took)
	}
	_, err := client.RefreshUsage(context.Background(), eid)
	failure(t, err, eiot.KindInvalidArgument)
	_, err = client.Call(context.Background(), "/api/v3/cloudesim/get", nil)
	failure(t, err, eiot.KindInvalidArgument)
	batch := client.RefreshMany(context.Background(), []string{eid}, 0)
	if batch.Next() {
		t.Error("a batch of a closed client")
	}
	failure(t, batch.Err(), eiot.KindInvalidArgument)
	check(t, batch.Close())
	calls.Wait()
	if succeeded != 8 {
		t.Error(succeeded, "of 8 calls in flight succeeded")
	}
	check(t, client.Close())
}

func TestDerivedClientOutlivesItsClientAndCallsItsLog(t *testing.T) {
	lines, events := 0, 0
	log := eiot.WithLog(func(string) { lines++ })
	client := newClient(t, simulator(t), log, eiot.WithEvents(func(json.RawMessage) { events++ }))
	derived, err := client.WithOptions(eiot.WithTimeout(3 * time.Second))
	check(t, err)
	check(t, client.Close())
	_, err = client.WithOptions()
	failure(t, err, eiot.KindInvalidArgument)
	if client.StatsJSON() != nil {
		t.Error("a closed client has counters")
	}
	client = nil
	for call := 0; call < 20; call++ {
		runtime.GC()
		_, err := derived.RefreshUsage(context.Background(), eid)
		check(t, err)
	}
	if lines != 20 || events != 20 {
		t.Errorf("%d lines, %d events", lines, events)
	}
	var stats struct{ Calls struct{ Started int } }
	check(t, json.Unmarshal(derived.StatsJSON(), &stats))
	if stats.Calls.Started != 20 {
		t.Error(stats)
	}
	check(t, derived.Close())
}

// For the race detector.
func TestClosingAnyTimeFromAnyGoroutine(t *testing.T) {
	options := simulator(t)
	for round := 0; round < 20; round++ {
		client := newClient(t, options, eiot.WithLog(func(string) {}))
		var all sync.WaitGroup
		for n := 0; n < 8; n++ {
			all.Add(1)
			go func(n int) {
				defer all.Done()
				for call := 0; call < 10; call++ {
					if n == 0 && call == round%10 {
						client.Close()
					}
					if _, err := client.RefreshUsage(context.Background(), eid); err != nil {
						failure(t, err, eiot.KindInvalidArgument)
					}
				}
			}(n)
		}
		all.Wait()
	}
}

func TestABatchTakesWhatIsNotInMemoryAndOutlivesItsClient(t *testing.T) {
	lines := []string{}
	client := newClient(t, simulator(t), eiot.WithLog(func(line string) { lines = append(lines, line) }))
	asked, most, back := 0, 0, 0
	batch := client.RefreshManyFunc(context.Background(), func() (string, bool) {
		asked++
		return fmt.Sprint(8904_0000 + asked), asked <= 500
	}, 8)
	check(t, client.Close())
	for batch.Next() {
		check(t, batch.Result().Err)
		back++
		if asked-back > most {
			most = asked - back
		}
	}
	check(t, batch.Err())
	if back != 500 || len(lines) != 500 {
		t.Errorf("%d came back, %d lines of log", back, len(lines))
	}
	if most > 8 {
		t.Errorf("%d were requested too early", most)
	}
	if batch.Next() || batch.Result() != (eiot.Result{}) {
		t.Error("goes on after its end")
	}
}

func TestABatchCanBeLeftEarly(t *testing.T) {
	client := newClient(t, simulator(t))
	for round := 0; round < 50; round++ {
		batch := client.RefreshMany(context.Background(), []string{"1", "2", "3", "4"}, 2)
		if !batch.Next() {
			t.Fatal(batch.Err())
		}
		check(t, batch.Close())
		check(t, batch.Close())
		if batch.Next() {
			t.Fatal("goes on after it was closed")
		}
		check(t, batch.Err())
	}
}

func TestAContextEndsABatch(t *testing.T) {
	client := newClient(t, simulator(t))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	asked, back := 0, 0
	batch := client.RefreshManyFunc(ctx, func() (string, bool) {
		asked++
		return fmt.Sprint(8904_0000 + asked), true
	}, 8)
	defer batch.Close()
	for batch.Next() {
		back++
		if err := batch.Result().Err; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if back == 20 {
			cancel()
		}
	}
	failure(t, batch.Err(), eiot.KindCancelled)
	if !errors.Is(batch.Err(), context.Canceled) || back < 20 || asked > 40 {
		t.Errorf("%v; %d asked for, %d came back", batch.Err(), asked, back)
	}
	if back != asked-1 {
		t.Errorf("%d were taken, %d came back", asked-1, back)
	}
}

func TestAContextEndsABatchThatHasNoRoom(t *testing.T) {
	client := newClient(t, simulator(t, "--latency-ms", "5000"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	asked, back := 0, 0
	batch := client.RefreshManyFunc(ctx, func() (string, bool) {
		asked++
		return fmt.Sprint(8904_0000 + asked), true
	}, 4)
	defer batch.Close()
	for batch.Next() {
		back++
		if err := batch.Result().Err; !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	}
	failure(t, batch.Err(), eiot.KindCancelled)
	if !errors.Is(batch.Err(), context.DeadlineExceeded) || back != 4 || asked != 5 {
		t.Errorf("%v; %d asked for, %d came back", batch.Err(), asked, back)
	}
}

func TestAWrongConcurrencyIsNamed(t *testing.T) {
	client := newClient(t, simulator(t))
	for _, wrong := range []int{-1, 1025, 1 << 32} {
		batch := client.RefreshMany(context.Background(), []string{eid}, wrong)
		if batch.Next() {
			t.Error(wrong, "is taken")
		}
		if e := failure(t, batch.Err(), eiot.KindInvalidArgument); !strings.Contains(e.Message, "concurrency") {
			t.Error(e)
		}
	}
}

func TestTheSecretIsNowhere(t *testing.T) {
	var lines []string
	options := simulator(t, "--refuse", "40003")
	client := newClient(t, options, eiot.WithLog(func(line string) { lines = append(lines, line) }))
	_, err := client.RefreshUsage(context.Background(), eid)
	e := failure(t, err, eiot.KindPlatform)
	said := strings.Join(lines, "\n")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, thing := range []any{client, options[3], err, *e} {
			said += fmt.Sprintf(verb, thing)
		}
	}
	if strings.Contains(said, secret) || len(lines) != 1 || !strings.Contains(lines[0], "eid="+eid) {
		t.Error(said)
	}
}

func TestAPeerThatResetsDisturbsNobody(t *testing.T) {
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	for _, fault := range []string{"reset-after", "reset", "close-after"} {
		client := newClient(t, simulator(t, "--fault", fault, "--fault-repeat"))
		var all sync.WaitGroup
		for n := 0; n < 8; n++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for call := 0; call < 125; call++ {
					if _, err := client.RefreshUsage(context.Background(), eid); err != nil {
						failure(t, err, eiot.KindConnectionLost)
					}
				}
			}()
		}
		all.Wait()
	}
	select {
	case <-pipes:
		t.Error("a SIGPIPE came through")
	default:
	}
}

func TestForgottenClientsAreCollected(t *testing.T) {
	options := simulator(t)
	before := descriptors(t)
	for n := 0; n < 20; n++ {
		client, err := eiot.New(options...)
		check(t, err)
		_, err = client.RefreshUsage(context.Background(), eid)
		check(t, err)
	}
	for n := 0; n < 50 && descriptors(t) > before+5; n++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	if after := descriptors(t); after > before+5 {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func descriptors(t *testing.T) int {
	open, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	return len(open)
}

func TestTheEnvironmentConfiguresTheProcess(t *testing.T) {
	t.Setenv("EIOT_APPKEY", "")
	failure(t, eiot.RefreshUsage(eid), eiot.KindConfig)
	_, err := eiot.FromEnv(eiot.WithAppKey("k"), eiot.WithSecret("s"), eiot.WithTimeout(-time.Second))
	if e := failure(t, err, eiot.KindConfig); !strings.Contains(e.Message, "timeout") {
		t.Error(e)
	}
}

func TestWhatCannotBeSignedOrCheckedIsRefused(t *testing.T) {
	_, err := eiot.Sign(map[string]string{"a": "1\x002"}, "s", eiot.SHA1)
	failure(t, err, eiot.KindInvalidArgument)
	_, err = eiot.Sign(map[string]string{"a": "1"}, "s", 7)
	failure(t, err, eiot.KindInvalidArgument)
	sign, err := eiot.Sign(nil, "s", eiot.SHA1)
	check(t, err)
	if len(sign) != 40 {
		t.Error(sign)
	}
	failure(t, eiot.VerifyWebhook([]byte("{}"), "s", eiot.SHA1, -1), eiot.KindInvalidArgument)
	old := []byte(`{"event":"usage","nonce":24523,"timestamp":1700000000,"eid":"89044011112233441122334411223321","sign":"CE386B2541F23AEB8354BA513E8554DAB99A6B62"}`)
	check(t, eiot.VerifyWebhook(old, "a1b1c1d1", eiot.SHA1, 0))
	failure(t, eiot.VerifyWebhook(old, "a1b1c1d1", eiot.SHA1, 1), eiot.KindInvalidSignature)
}

func TestParametersAreWhatEncodingJSONMakesOfThem(t *testing.T) {
	client := newClient(t, simulator(t))
	for _, parameters := range []any{
		map[string]any{"eid": eid, "note": "<a&b> 流量", "pages": []int{1, 2}},
		struct {
			EID string `json:"eid"`
		}{eid},
	} {
		reply, err := client.Call(context.Background(), "/api/v3/cloudesim/get", parameters)
		check(t, err)
		if reply.EID != eid || reply.Data == nil {
			t.Errorf("%+v", reply)
		}
	}
	_, err := client.Call(context.Background(), "/api/v3/cloudesim/get", make(chan int))
	failure(t, err, eiot.KindInvalidArgument)
	_, err = client.Call(context.Background(), "/api/v3/cloudesim/get", []string{"a"})
	failure(t, err, eiot.KindInvalidArgument)
}
