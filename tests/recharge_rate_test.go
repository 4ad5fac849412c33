package tests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline/tests/fake/recharge/rechargefake"
)

// TestRechargeBackfillUsesTheLeak reads a large store through a true bucket of 40 requests. It leaks ten times as fast
// as usual, which the token tells, so that a minute stands for ten. It runs with TAPLINE_SOAK only. The store has as many
// plans as stores have; they are read twice, as a stream and for the products that they name.
func TestRechargeBackfillUsesTheLeak(t *testing.T) {
	if os.Getenv("TAPLINE_SOAK") == "" {
		t.Skip("TAPLINE_SOAK is not set")
	}
	const leak = 20.0
	fast := backfillRecharge(t, "sk_10x1_fake", rechargefake.Options{Objects: 420_000, Counts: map[string]int{"plans": 300, "products": 300},
		Bucket: 40, Leak: 2, Latency: 30 * time.Millisecond})
	share := float64(fast.accepted-40) / (leak * fast.took.Seconds())
	perPage := float64(fast.accepted) / (float64(fast.records) / 250)
	t.Logf("%d records in %s: %d requests, %d refused; %.4f of the leak used, %.4f requests for 250 records, %d MiB",
		fast.records, fast.took, fast.accepted, fast.refused, share, perPage, fast.memory>>20)
	if fast.records < 400_000 || share < 0.98 || fast.refused > 1 || perPage > 1.02 {
		t.Error("want 400,000 records, at least 0.98 of the leak, at most one refused request, at most 1.02 requests for 250 records")
	}
}

// TestRechargeMemoryIsFlat reads ten times as many records with no more memory.
func TestRechargeMemoryIsFlat(t *testing.T) {
	if os.Getenv("TAPLINE_SOAK") == "" {
		t.Skip("TAPLINE_SOAK is not set")
	}
	few := backfillRecharge(t, rechargeToken, rechargefake.Options{Objects: 40_000})
	many := backfillRecharge(t, rechargeToken, rechargefake.Options{Objects: 400_000})
	t.Logf("%d records: %d MiB; %d records: %d MiB", few.records, few.memory>>20, many.records, many.memory>>20)
	if float64(many.memory) > 1.25*float64(few.memory) {
		t.Error("want at most a quarter more memory")
	}
}

// A backfill is what one run over a whole store took.
type backfill struct {
	records, accepted, refused int
	took                       time.Duration // from the first request to the last
	memory                     int64         // peak resident bytes
}

func backfillRecharge(t *testing.T, token string, o rechargefake.Options) (b backfill) {
	t.Helper()
	o.Tokens = []rechargefake.Token{{Secret: token}}
	fake, err := rechargefake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var first, last time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if last = time.Now(); first.IsZero() {
			first = last
		}
		mu.Unlock()
		fake.ServeHTTP(w, r)
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "tap.json")
	text, err := json.Marshal(map[string]any{"access_token": token, "base_url": server.URL, "request_share": 1, "lag_minutes": 0})
	if err == nil {
		err = os.WriteFile(config, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tap-recharge", "--config", config)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			break
		}
		if bytes.HasPrefix(line, []byte(`{"type":"RECORD"`)) {
			if b.records++; b.records%2000 == 0 {
				b.memory = peakOf(cmd.Process.Pid, b.memory)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, lastWords(stderr.String()))
	}
	b.refused, b.took = fake.Refused(), last.Sub(first)
	b.accepted = len(fake.Requests()) - b.refused
	return b
}

// peakOf is the most bytes that a running process has had resident, or known if the system does not tell.
func peakOf(pid int, known int64) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return known
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if kilobytes, err := strconv.ParseInt(number, 10, 64); err == nil {
		return max(known, kilobytes<<10)
	}
	return known
}
