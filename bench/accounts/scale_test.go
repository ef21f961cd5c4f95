// Package accounts_test measures runtime/accounts with many accounts against a
// real PostgreSQL, and a fake of Close's token endpoint. Everything is a test,
// so that a small run is part of the tests of this module; ../accounts.sh runs it
// with -full.
package accounts_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/pgtest"
)

var (
	full    = flag.Bool("full", false, "measure with up to a million accounts, for about ten minutes")
	output  = flag.String("report", "", "append the results to this file, as Markdown")
	options = flag.String("options", "", "options of the URL, like default_query_exec_mode=cache_statement")
)

// scale is the size of the measurement.
type scale struct {
	sizes  []int         // accounts in the table
	due    int           // how many of them are due, where few are
	rate   time.Duration // how long a rate is measured
	passes int           // empty passes
	idle   time.Duration // how long an idle manager is measured
	warm   int           // accounts that are used in one process
	flush  time.Duration // how long to wait until the store has recorded it

	backlog   int           // accounts that are due after a downtime
	users     int           // who make calls meanwhile
	ramp, run time.Duration // until the limiter is at its rate, and then

	wave int // accounts that expire in the same second
}

func measured() scale {
	if !*full {
		return scale{
			sizes: []int{2_000}, due: 200, rate: 300 * time.Millisecond, passes: 20, idle: time.Second, warm: 500,
			backlog: 2_000, users: 20, ramp: time.Second, run: 2 * time.Second, wave: 60,
		}
	}
	return scale{
		sizes: []int{10_000, 100_000, 1_000_000}, due: 1_000, rate: 5 * time.Second, passes: 500, idle: 20 * time.Second, warm: 100_000, flush: 90 * time.Second,
		backlog: 1_000_000, users: 500, ramp: 95 * time.Second, run: 60 * time.Second, wave: 10_000,
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(childURL) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(pgtest.Run(m))
}

// start starts a server that records the cost of each statement.
func start(t *testing.T) *pgtest.Server {
	t.Helper()
	return pgtest.Start(t, "shared_buffers = '512MB'", "max_wal_size = '4GB'", "shared_preload_libraries = 'pg_stat_statements'")
}

var reporting sync.Mutex

// report writes a table: a heading, the names of the columns, and rows.
func report(t *testing.T, heading string, columns []string, rows [][]string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n| %s |\n|%s\n", heading, strings.Join(columns, " | "), " --- |"+strings.Repeat(" ---: |", len(columns)-1))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
	}
	t.Log(b.String())
	if *output == "" {
		return
	}
	reporting.Lock()
	defer reporting.Unlock()
	f, err := os.OpenFile(*output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(b.String())
	if cerr := f.Close(); err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
}

// number formats a figure with its significant digits.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v >= 10_000:
		return fmt.Sprintf("%.0f", math.Round(v/100)*100)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func millis(d time.Duration) string { return number(d.Seconds() * 1000) }

func mib(n int64) string { return number(float64(n) / (1 << 20)) }

func count(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1_000 && n%1_000 == 0:
		return fmt.Sprintf("%d k", n/1_000)
	}
	return fmt.Sprint(n)
}

// quantile returns the q-quantile of durations, which it sorts.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(int(q*float64(len(d))), len(d)-1)]
}
