package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/servertest"
)

// TestGoogleCloudStorage runs against fake-gcs-server, which tests/stores.sh builds.
func TestGoogleCloudStorage(t *testing.T) {
	address := startStore(t, func(host, port string) []string {
		return []string{"-scheme", "http", "-host", host, "-port", port, "-public-host", host + ":" + port, "-backend", "memory", "-log-level", "error"}
	}, "fake-gcs-server-v1.56.1", "fake-gcs-server")
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	newPlace := func(t *testing.T) string {
		bucket := newName()
		if err := servertest.Send(t.Context(), http.MethodPost, "http://"+address+"/storage/v1/b?project=tests", `{"name": "`+bucket+`"}`); err != nil {
			t.Fatal(err)
		}
		return "gs://" + bucket + "/in/front"
	}
	testStore(t, newPlace)
	t.Run("an answer is lost", func(t *testing.T) {
		loseAnswer(t, address, func(proxy string) string {
			place := newPlace(t)
			t.Setenv("STORAGE_EMULATOR_HOST", proxy)
			return place
		})
	})
	t.Run("denied", func(t *testing.T) { denySome(t, address, newPlace(t)) })
	t.Run("failures say what to do", func(t *testing.T) { failGoogle(t, address) })
}

// The account of Azure that tests use.
const (
	azureAccount = "tapline"
	azureKey     = "YSBrZXkgdGhhdCBvbmx5IHRlc3RzIHVzZQ=="
)

// TestAzure runs against Azurite, which tests/stores.sh installs. Azure's client keeps the credentials that it has found
// first, so all is done by a process that has them from its beginning.
func TestAzure(t *testing.T) {
	address := os.Getenv("AZURE_STORAGE_DOMAIN")
	if os.Getenv("AZURE_STORAGE_KEY") == azureKey {
		testStore(t, func(t *testing.T) string { return newContainer(t, address) })
		t.Run("an answer is lost", func(t *testing.T) {
			loseAnswer(t, address, func(proxy string) string { return newContainer(t, address) + "?domain=" + proxy })
		})
		t.Run("failures say what to do", func(t *testing.T) { failAzure(t, address) })
		return
	}
	t.Setenv("AZURITE_ACCOUNTS", azureAccount+":"+azureKey)
	address = startStore(t, func(host, port string) []string {
		return []string{"--blobHost", host, "--blobPort", port, "--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry"}
	}, "azurite-3.35.0", "node_modules", ".bin", "azurite-blob")
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAzure$", "-test.v", "-test.timeout", "0")
	again.SysProcAttr = servertest.EndWithParent(nil, syscall.SIGKILL)
	again.Env = append(os.Environ(), "AZURE_STORAGE_ACCOUNT="+azureAccount, "AZURE_STORAGE_KEY="+azureKey, "AZURE_STORAGE_DOMAIN="+address, "AZURE_STORAGE_PROTOCOL=http")
	out, err := again.CombinedOutput()
	if err != nil || testing.Verbose() {
		t.Logf("the process with Azure's credentials: %v\n%s", err, out)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestAzure")) {
		t.Fail()
	}
}

// newContainer makes an empty container, by a request that is signed for the account, and returns its URL.
func newContainer(t *testing.T, address string) string {
	t.Helper()
	name := newName()
	to := "http://" + address + "/" + azureAccount + "/" + name + "?restype=container&" + azureSAS(t, "rwdlacx", time.Now().Add(time.Hour))
	if err := servertest.Send(t.Context(), http.MethodPut, to, ""); err != nil {
		t.Fatal(err)
	}
	return "azblob://" + name + "/in/front"
}

// azureSAS is a token with these permissions in the account until then.
func azureSAS(t *testing.T, permissions string, until time.Time) string {
	t.Helper()
	token, err := servertest.AzureToken(azureAccount, azureKey, permissions, until)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

var names atomic.Int64

// newName names a bucket as no other is named.
func newName() string { return fmt.Sprintf("bucket-%d-%d", os.Getpid(), names.Add(1)) }

// startStore starts a server from the cache of tests and returns its address. Where the server was not installed the
// test is skipped.
func startStore(t *testing.T, arguments func(host, port string) []string, name ...string) (address string) {
	t.Helper()
	server, err := servertest.StartCached(t.TempDir(), arguments, name...)
	if errors.Is(err, servertest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server.Address
}

// wholeStores has the tests of stores do all that they can; without it they do what takes seconds.
func wholeStores() bool { return os.Getenv("TAPLINE_STORES") != "" || os.Getenv("TAPLINE_SOAK") != "" }

// testStore is all that must hold in a store, in buckets of its own.
func testStore(t *testing.T, newPlace func(t *testing.T) string) {
	if wholeStores() {
		testWholeStore(t, newPlace)
	}
	t.Run("lines of JSON", func(t *testing.T) { loadLines(t, newPlace(t)) })
	t.Run("runs fence each other", func(t *testing.T) { fenceEachOther(t, Config{URL: newPlace(t), Pipeline: "default"}) })
	t.Run("one of many creates an object", func(t *testing.T) { createAtOnce(t, newPlace(t), 100) })
	t.Run("pipelines load at once", func(t *testing.T) { loadAtOnce(t, newPlace(t)) })
	t.Run("names", func(t *testing.T) { keepNames(t, newPlace(t)) })
}

// testWholeStore is what takes longer.
func testWholeStore(t *testing.T, newPlace func(t *testing.T) string) {
	t.Run("suite", func(t *testing.T) {
		fewSeeds(t, "2")
		destinationtest.Run(t, func(t *testing.T) *destinationtest.Harness {
			h, _ := newHarness(t, Config{URL: newPlace(t)})
			return h
		})
	})
	t.Run("killed", func(t *testing.T) { killAtEveryStep(t, func() string { return newPlace(t) }) })
	t.Run("objects of many parts", func(t *testing.T) { writeParts(t, newPlace(t)) })
	t.Run("one of many creates an object of two parts", func(t *testing.T) { createAtOnce(t, newPlace(t), 9<<20) })
	t.Run("more objects than a page lists", func(t *testing.T) { listPages(t, newPlace(t)) })
}

func loadLines(t *testing.T, place string) {
	w := mustOpen(t, Config{URL: place, Format: JSONL, Compression: "none"})
	defer mustClose(t, w)
	mustLoad(t, w, orders(), checkpointOf("", "r", 1), 1, 4)
	want := []destinationtest.Row{{int64(1), "note 1"}, {int64(2), "note 2"}, {int64(3), "note 3"}}
	if diff := gocmp.Diff(want, readLines(t, w, "shop", "orders", []string{"id", "note"})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// createAtOnce has many create the same new object, of so many bytes: exactly one does, and its is what is there.
func createAtOnce(t *testing.T, place string, size int) {
	const writers, key = 6, "log/1"
	var created [writers]bool
	var wait sync.WaitGroup
	body := func(writer int) []byte { return bytes.Repeat([]byte{byte('a' + writer)}, size) }
	for i := range writers {
		wait.Go(func() {
			s, err := openStore(t.Context(), place, false)
			if err == nil {
				created[i], err = s.createNew(t.Context(), key, "", body(i))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s, err := openStore(t.Context(), place, false)
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	winners := 0
	for i := range writers {
		if !created[i] {
			continue
		}
		if winners++; !bytes.Equal(found, body(i)) {
			t.Errorf("writer %d has created the object, and another one's is there", i)
		}
	}
	if winners != 1 {
		t.Errorf("%d writers have created the object", winners)
	}
	if again, err := s.createNew(t.Context(), key, "", []byte("again")); again || err != nil {
		t.Errorf("the object was created again: %v, %v", again, err)
	}
}

// loadAtOnce has pipelines commit into one table at the same time.
func loadAtOnce(t *testing.T, place string) {
	const pipelines, loads = 4, 4
	var wait sync.WaitGroup
	want := []int64{}
	for p := range int64(pipelines) {
		for n := range int64(loads) {
			want = append(want, p*10+n)
		}
		wait.Go(func() {
			name := fmt.Sprint("pipeline ", p)
			w, err := Open(context.Background(), Config{URL: place, Pipeline: name})
			if err != nil {
				t.Error(err)
				return
			}
			for n := range int64(loads) {
				l, err := w.Begin(t.Context())
				if err == nil {
					err = add(l, orders(), p*10+n, p*10+n+1)
				}
				if err == nil {
					err = l.Commit(t.Context(), checkpointOf(name, "r", 1))
				}
				if err != nil {
					t.Error(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	w := mustOpen(t, Config{URL: place})
	defer mustClose(t, w)
	wantIDs(t, w, want...)
	if rows, _, err := w.Count(t.Context(), "shop", "orders"); rows != pipelines*loads || err != nil {
		t.Errorf("the log counts %d rows, %v", rows, err)
	}
	states, err := w.Read(t.Context(), destination.States, 0)
	if err != nil || len(states) != pipelines {
		t.Errorf("there are states %v, %v", states, err)
	}
}

// writeParts writes an object that is sent in several parts, moves it, and aborts another one half-way.
func writeParts(t *testing.T, place string) {
	s, err := openStore(t.Context(), place, false)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 20<<20/16)
	want[len(want)-1] = '!'
	if err := s.put(t.Context(), "staged", want); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1000, len(want)} {
		u, err := s.create(t.Context(), "aborted")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(want[:size]); err != nil {
			t.Fatal(err)
		}
		u.abort()
	}
	if err := s.move(t.Context(), "staged", "table/final"); err != nil {
		t.Fatal(err)
	}
	keys, err := s.list(t.Context(), "")
	if diff := gocmp.Diff([]string{"table/final"}, keys); diff != "" || err != nil {
		t.Errorf("objects (-want +got), %v:\n%s", err, diff)
	}
	if got, err := s.read(t.Context(), "table/final"); !bytes.Equal(got, want) || err != nil {
		t.Errorf("%d bytes were read, %v; %d were written", len(got), err, len(want))
	}
}

func listPages(t *testing.T, place string) {
	s, err := openStore(t.Context(), place, false)
	if err != nil {
		t.Fatal(err)
	}
	const objects = 1100
	keys := make(chan string)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for key := range keys {
				if err := s.put(t.Context(), key, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	want := []string{}
	for i := range objects {
		want = append(want, fmt.Sprintf("log/%04d", i))
		keys <- want[i]
	}
	close(keys)
	wait.Wait()
	got, err := s.list(t.Context(), "log/")
	if diff := gocmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("keys (-want +got), %v:\n%s", err, diff)
	}
}

// keepNames loads tables whose names stores or their clients give a meaning to.
func keepNames(t *testing.T, place string) {
	w := mustOpen(t, Config{URL: place})
	defer mustClose(t, w)
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tables := []string{"a b", "a%20b", "a+b", "50%", "what?", "#1", `back\slash`, "..", "__0x41__", "é", "a&b=c", "'", "line\nbreak"}
	for i, name := range tables {
		tab := orders()
		tab.Name = name
		if err := add(l, tab, int64(i), int64(i)+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Commit(t.Context(), checkpointOf("", "r", 1)); err != nil {
		t.Fatal(err)
	}
	for i, name := range tables {
		tab := orders()
		tab.Name = name
		if diff := gocmp.Diff([]int64{int64(i)}, ids(t, w, tab)); diff != "" {
			t.Errorf("table %q (-want +got):\n%s", name, diff)
		}
	}
}
