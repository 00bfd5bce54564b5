// Refresh refreshes the cards that are given, eight at once through one client; the account is in the environment. Without
// cards it takes EIDs from standard input, one a line, however many there are.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	eiot "eiot"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, eids []string) error {
	client, err := eiot.FromEnv(eiot.WithTimeout(10 * time.Second))
	if err != nil {
		return err
	}
	defer client.Close()
	if len(eids) == 0 {
		return refreshLines(ctx, client, os.Stdin)
	}
	var failures int32
	var workers sync.WaitGroup
	work := make(chan string)
	for n := 0; n < 8; n++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for eid := range work {
				if err := refresh(ctx, client, eid); err != nil {
					tell(err)
					atomic.AddInt32(&failures, 1)
				}
			}
		}()
	}
	for _, eid := range eids {
		work <- eid
	}
	close(work)
	workers.Wait()
	if failures > 0 {
		return fmt.Errorf("%d of %d cards were not refreshed", failures, len(eids))
	}
	return nil
}

func refresh(ctx context.Context, client *eiot.Client, eid string) error {
	reply, err := client.RefreshUsage(ctx, eid)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", reply.EID, reply.Message)
	return nil
}

// refreshLines needs no goroutines: many calls are in flight on this one.
func refreshLines(ctx context.Context, client *eiot.Client, file *os.File) error {
	lines := bufio.NewScanner(file)
	batch := client.RefreshManyFunc(ctx, func() (string, bool) { more := lines.Scan(); return lines.Text(), more }, 0)
	defer batch.Close()
	failures := 0
	for batch.Next() {
		if result := batch.Result(); result.Err != nil {
			tell(result.Err)
			failures++
		} else {
			fmt.Printf("%s: %s\n", result.EID, result.Reply.Message)
		}
	}
	if err := batch.Err(); err != nil {
		return err
	}
	if failures > 0 {
		return fmt.Errorf("%d cards were not refreshed", failures)
	}
	return lines.Err()
}

// tell says what a billing system wants to know before it repeats a call.
func tell(err error) {
	var failure *eiot.Error
	if errors.As(err, &failure) {
		fmt.Fprintf(os.Stderr, "%v (kind %v, code %s, delivered %v)\n", failure, failure.Kind, failure.Code, failure.Delivered)
	}
}
