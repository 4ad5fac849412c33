package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline/singer"
	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/destination/postgres/postgrestest"
	"tapline/target-warehouse/table"
)

func TestFailuresToOpenSayWhatToDo(t *testing.T) {
	needServer(t)
	db, latin, standby := newDatabase(t), makeDatabase(t, "ENCODING 'LATIN1' TEMPLATE template0"), newDatabase(t)
	conn := connect(t, standby)
	mustExec(t, conn, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())
	closed.Close()
	free, _ := strconv.Atoi(closedPort)
	for name, c := range map[string]struct {
		config Config
		kind   error // or nil
		want   string
	}{
		"unknown host":      {Config{URL: singer.Secret(db), Host: "postgres.invalid"}, singer.ErrUnavailable, `the host "postgres.invalid" is unknown`},
		"nobody listens":    {Config{URL: singer.Secret(db), Port: free}, singer.ErrUnavailable, "connection refused; check host and port"},
		"wrong password":    {Config{URL: singer.Secret(db), Password: "wr0ng"}, singer.ErrCredentials, "password authentication failed"},
		"unknown user":      {Config{URL: singer.Secret(db), User: "nobody"}, singer.ErrCredentials, "check the user, the password"},
		"missing database":  {Config{URL: singer.Secret(db), Database: "missing"}, nil, `database "missing" does not exist`},
		"read only":         {Config{URL: singer.Secret(standby)}, nil, "the server takes no writes"},
		"another encoding":  {Config{URL: singer.Secret(latin)}, nil, "ENCODING 'UTF8'"},
		"unknown setting":   {Config{URL: singer.Secret(db + "?pgbouncer=true")}, nil, "behind the question mark of the url or in options: take it out"},
		"GSS":               {Config{URL: singer.Secret(db + "?gssencmode=require")}, nil, "gssencmode"},
		"no TLS":            {Config{URL: singer.Secret(db), SSLMode: "require"}, nil, "does not speak TLS"},
		"unknown TLS mode":  {Config{URL: singer.Secret(db), SSLMode: "always"}, nil, "sslmode"},
		"missing authority": {Config{URL: singer.Secret(db), SSLMode: "verify-full", SSLRootCert: "/nowhere/ca.pem"}, nil, "/nowhere/ca.pem"},
		"no URL":            {Config{URL: "host=localhost password=" + postgrestest.Password}, nil, "it must look like postgres://"},
		"broken URL":        {Config{URL: "postgres://tapline:" + postgrestest.Password + "@localhost/db"}, nil, "it must look like postgres://"},
		"broken parameter":  {Config{URL: "postgres://localhost/db?password=%zz" + postgrestest.Password}, nil, "it must look like postgres://"},
		"wrong port in URL": {Config{URL: "postgres://u:" + singer.Secret(url.QueryEscape(postgrestest.Password)) + "@localhost:0/db"}, nil, "port"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := Open(t.Context(), c.config)
			if err == nil {
				w.Close()
				t.Fatal("it opens")
			}
			if c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("failure is %q, want %v and %q on one line", err, c.kind, c.want)
			}
			for _, secret := range []string{postgrestest.Password, url.QueryEscape(postgrestest.Password), "s3cret", "wr0ng"} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, err), secret) {
					t.Errorf("%q gives the password away", err)
				}
			}
		})
	}
}

func TestFieldsReplaceWhatTheURLSays(t *testing.T) {
	c := Config{URL: "postgres://me:old@one:1/first?sslmode=disable&application_name=mine", Host: "two", Port: 2, User: "you", Password: "new", Database: "second"}
	got, err := c.parse()
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(got.Host, got.Port, got.User, got.Password, got.Database, got.RuntimeParams["application_name"], got.TLSConfig == nil)
	if want := fmt.Sprint("two", 2, "you", "new", "second", "mine", true); all != want {
		t.Errorf("the driver gets %s, want %s", all, want)
	}
	c = Config{URL: "postgresql://me@one:1/first?password=in%20query"}
	if got, err = c.parse(); err != nil || got.Password != "in query" || got.RuntimeParams["application_name"] != "target-warehouse" {
		t.Errorf("the driver gets %q, failure %v", got.Password, err)
	}
}

func TestSpacesAndPlusesOfParametersAreKept(t *testing.T) {
	c := Config{URL: "postgres://me@one/db?options=-c%20role%3Da%2Bb&application_name=my+own%20app&password=a+b%2Bc", Database: "my data", Host: "/run/my sockets"}
	got, err := c.parse()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-c role=a+b", "my+own app", "a+b+c", "my data", "/run/my sockets"}
	if diff := gocmp.Diff(want, []string{got.RuntimeParams["options"], got.RuntimeParams["application_name"], got.Password, got.Database, got.Host}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParametersThatOnlyLibpqKnowsDoNoHarm(t *testing.T) {
	w := mustOpen(t, newDatabase(t)+"?keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&gssencmode=prefer&client_encoding=auto"+
		"&fallback_application_name=x&load_balance_hosts=random&sslcompression=0")
	var encoding string
	if err := w.conn.QueryRow(t.Context(), "SELECT current_setting('client_encoding')").Scan(&encoding); err != nil || encoding != "UTF8" {
		t.Errorf("client_encoding is %q, failure %v", encoding, err)
	}
}

func TestSettingsDoWithoutAURL(t *testing.T) {
	for _, u := range []string{"", "postgres://", "postgresql://?sslmode=disable"} {
		c := Config{URL: singer.Secret(u), Host: "warehouse.internal", Port: 5999, User: "you", Password: "new", Database: "second"}
		config, err := c.parse()
		if err != nil {
			t.Fatal(err)
		}
		got := []any{config.Host, config.Port, config.User, config.Password, config.Database}
		if diff := gocmp.Diff([]any{"warehouse.internal", uint16(5999), "you", "new", "second"}, got); diff != "" {
			t.Errorf("with URL %q (-want +got):\n%s", u, diff)
		}
	}
}

func TestPipelineIsLoadedByOneRunAtATime(t *testing.T) {
	db := newDatabase(t)
	first := mustOpen(t, db)
	_, err := open(t.Context(), Config{URL: singer.Secret(db)}, false)
	if !errors.Is(err, destination.ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(int(first.conn.PgConn().PID()))) {
		t.Errorf("failure is %v, want ErrLocked and the process %d", err, first.conn.PgConn().PID())
	}
	for name, open := range map[string]func() (*Warehouse, error){
		"reading only":     func() (*Warehouse, error) { return OpenReadOnly(t.Context(), Config{URL: singer.Secret(db)}) },
		"another pipeline": func() (*Warehouse, error) { return Open(t.Context(), Config{URL: singer.Secret(db), Pipeline: "b"}) },
		"another schema":   func() (*Warehouse, error) { return Open(t.Context(), Config{URL: singer.Secret(db), Schema: "b"}) },
	} {
		w, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.Close()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, db)
}

func TestReadOnlyWarehouseLoadsNothing(t *testing.T) {
	w, err := OpenReadOnly(t.Context(), Config{URL: singer.Secret(newDatabase(t))})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Begin(t.Context()); err == nil {
		t.Error("a load begins")
	}
	if _, err := w.conn.Exec(t.Context(), "CREATE TABLE t ()"); err == nil {
		t.Error("the session takes writes")
	}
}

func TestSessionsOfUsersWithOddSettings(t *testing.T) {
	db := newDatabase(t)
	conn := connect(t, db)
	mustExec(t, conn, `DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
		EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
		EXECUTE format('ALTER DATABASE %I SET client_encoding = ''LATIN1''', current_database());
		EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''serializable''', current_database());
		EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -10', current_database());
		EXECUTE format('ALTER DATABASE %I SET search_path = ''elsewhere''', current_database()); END $$`)
	w := mustOpen(t, db)
	tab := things(1, table.Number, table.Text)
	mustLoad(t, w, tab, destinationtest.Row{0.1 + 0.2, "東京"})
	mustLoad(t, w, tab, destinationtest.Row{0.1 + 0.2, "東京 ü"})
	got := query(t, conn, "SELECT value, other FROM public.things")
	if diff := gocmp.Diff([]destinationtest.Row{{0.1 + 0.2, "東京 ü"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var setting string
	if err := w.conn.QueryRow(t.Context(), "SELECT current_setting('synchronous_commit')").Scan(&setting); err != nil || setting != "on" {
		t.Errorf("synchronous_commit is %q, failure %v", setting, err)
	}
	states, err := w.Read(t.Context(), destination.States, 0)
	if err != nil || len(states) != 1 || time.Since(states[0].Values[4].(time.Time)) > time.Minute {
		t.Errorf("states are %+v, failure %v", states, err)
	}
}

func TestReplacedNULsAreToldOncePerColumn(t *testing.T) {
	db := newDatabase(t)
	var log bytes.Buffer
	w, err := Open(t.Context(), Config{URL: singer.Secret(db), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	tab := things(1, table.Text, table.JSON)
	for range 2 {
		mustLoad(t, w, tab, destinationtest.Row{"a\x00\x00", `["\u0000"]`}, destinationtest.Row{"b", `"\\u0000"`}, destinationtest.Row{"c\x00", `{"\u0000":1}`})
	}
	l, err := w.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Migrate(t.Context(), tab); err != nil {
		t.Fatal(err)
	}
	b := destinationtest.Batch(Allocator(), tab, 1, destinationtest.Row{"undone\x00", nil})
	if _, err := l.Append(t.Context(), []*table.Batch{b}); err != nil {
		t.Fatal(err)
	}
	if err := l.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		_, fields, _ := strings.Cut(line, "stream=")
		got = append(got, strings.TrimSpace(fields))
	}
	want := []string{"things table=public.things column=other values=4", "things table=public.things column=value values=4"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	rows := query(t, connect(t, db), "SELECT value, other::text FROM things ORDER BY value")
	if diff := gocmp.Diff([]destinationtest.Row{{"a\uFFFD\uFFFD", "[\"\uFFFD\"]"}, {"b", `"\\u0000"`}, {"c\uFFFD", "{\"\uFFFD\": 1}"}}, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFailedStatementNamesTheColumnAndNoRow(t *testing.T) {
	db := newDatabase(t)
	w, conn := mustOpen(t, db), connect(t, db)
	_, err := load1(t, w, things(0, table.Integer, table.JSON), destinationtest.Row{int64(1), `{"secret of a customer":"\ud800"}`})
	if err == nil || !strings.Contains(err.Error(), `column "other"`) || strings.Contains(err.Error(), "customer") {
		t.Errorf("failure is %v", err)
	}
	mustExec(t, conn, "CREATE TABLE things (value bigint UNIQUE, other text CHECK (other IS NOT NULL))")
	_, err = load1(t, w, things(0, table.Integer, table.Text), destinationtest.Row{int64(1), nil})
	if err == nil || !strings.Contains(err.Error(), "things_other_check") || !strings.Contains(err.Error(), "constraint") {
		t.Errorf("failure is %v", err)
	}
	_, err = load1(t, w, things(0, table.Integer, table.Text), destinationtest.Row{int64(1), "a"}, destinationtest.Row{int64(1), "a"})
	if err == nil || !strings.Contains(err.Error(), "drop the constraint") {
		t.Errorf("failure is %v", err)
	}
}
