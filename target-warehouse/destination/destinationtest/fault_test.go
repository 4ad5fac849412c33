package destinationtest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/memory"

	"tapline/target-warehouse/destination"
	"tapline/target-warehouse/table"
)

// faults are ways in which an engine could break the contract, each with the check that must find it.
var faults = map[string]struct {
	check string
	fault func(*faultyLoad)
}{
	"an append that is lost":                  {"many rows come back", func(l *faultyLoad) { l.loses = true }},
	"rows of a batch in turned order":         {"the last row of a key wins across batches", func(l *faultyLoad) { l.turns = true }},
	"equal versions count as older":           {"activating marks strictly older rows", func(l *faultyLoad) { l.version = 1 }},
	"rows without a version count as older":   {"activating marks rows without a version only if asked to", func(l *faultyLoad) { l.unversioned = true }},
	"deletes that only mark":                  {"activating deletes strictly older rows", func(l *faultyLoad) { l.alter = func(t *table.Table) { t.HardDelete = false } }},
	"deletions that are rows":                 {"a row with a time of deletion deletes its key", func(l *faultyLoad) { l.alter = func(t *table.Table) { t.HardDelete = false } }},
	"an overwrite in the open":                {"an overwrite shows nothing before it is activated", func(l *faultyLoad) { l.alter = upsertInstead }},
	"no history":                              {"a history keeps what a row was", func(l *faultyLoad) { l.alter = upsertInstead }},
	"rows of a dead run that are kept":        {"what a dead run collected is not mixed in", func(l *faultyLoad) { l.keepsLeftover = true }},
	"a fence that lets everybody through":     {"a commit with a lower fence is refused", func(l *faultyLoad) { l.unfenced = true }},
	"a state that is forgotten":               {"a commit without a state keeps the earlier one", func(l *faultyLoad) { l.forgets = true }},
	"records that are lost":                   {"records of every kind come back", func(l *faultyLoad) { l.losesRecords = true }},
	"a commit that is not undone by rollback": {"rollback leaves nothing", func(l *faultyLoad) { l.early = true }},
	"conflicts that nobody minds":             {"a conflict can be refused with both types named", func(l *faultyLoad) { l.alter = func(t *table.Table) { t.Conflict = table.Widen } }},
	"new columns where types differ":          {"a column of every type is widened for every other and loses nothing", func(l *faultyLoad) { l.alter = func(t *table.Table) { t.Conflict = table.NewColumn } }},
	"any of these":                            {"random loads leave what the contract says", func(l *faultyLoad) { l.turns = true }},
}

func upsertInstead(t *table.Table) { t.Method = table.Upsert }

// faultyLoad is a load of the model with a fault.
type faultyLoad struct {
	*modelLoad
	loses, turns, unversioned, keepsLeftover, unfenced, forgets, losesRecords, early bool

	version int64
	alter   func(*table.Table) // changes what the load is told
	altered map[*table.Table]*table.Table
}

func (l *faultyLoad) told(t *table.Table) *table.Table {
	if l.alter == nil || t.Own {
		return t
	}
	if l.altered[t] == nil {
		other := *t
		l.alter(&other)
		l.altered[t] = &other
	}
	return l.altered[t]
}

func (l *faultyLoad) Migrate(ctx context.Context, t *table.Table) (*destination.Migration, error) {
	if l.keepsLeftover {
		l.collecting[placeOf(t)] = true
	}
	return l.modelLoad.Migrate(ctx, l.told(t))
}

func (l *faultyLoad) Append(ctx context.Context, batches []*table.Batch) (counts destination.Counts, err error) {
	if l.loses && len(batches) > 1 {
		batches = batches[:1]
	}
	for i := range batches {
		b := *batches[i]
		if l.turns {
			b = *batches[len(batches)-1-i]
		}
		b.Table = l.told(b.Table)
		some, err := l.modelLoad.Append(ctx, []*table.Batch{&b})
		if err != nil {
			return counts, err
		}
		counts = counts.Plus(some)
	}
	if l.early {
		l.model.world = l.world.clone()
	}
	return counts, nil
}

func (l *faultyLoad) Activate(ctx context.Context, t *table.Table, a destination.Activation) (destination.Counts, error) {
	a.Version += l.version
	a.Unversioned = a.Unversioned || l.unversioned
	return l.modelLoad.Activate(ctx, l.told(t), a)
}

func (l *faultyLoad) Commit(ctx context.Context, c destination.Checkpoint) error {
	if l.unfenced {
		delete(l.model.world.own, destination.States)
	}
	if l.forgets && c.State == nil {
		c.State = []byte("{}")
	}
	if l.losesRecords && len(c.Rows) > 1 {
		c.Rows = c.Rows[1:]
	}
	return l.modelLoad.Commit(ctx, c)
}

// faultyModel is the model with one of faults.
type faultyModel struct {
	*Model
	fault func(*faultyLoad)
}

func (m *faultyModel) Begin(ctx context.Context) (destination.Load, error) {
	l, err := m.Model.Begin(ctx)
	if err != nil {
		return nil, err
	}
	faulty := &faultyLoad{modelLoad: l.(*modelLoad), altered: map[*table.Table]*table.Table{}}
	m.fault(faulty)
	return faulty, nil
}

// faultName, in the environment, makes TestSuiteOfFault hold the suite against one of faults.
const faultName = "DESTINATIONTEST_FAULT"

func TestSuiteOfFault(t *testing.T) {
	fault, ok := faults[os.Getenv(faultName)]
	if !ok {
		t.Skip("only TestSuiteFindsFaults runs this, with " + faultName + " set")
	}
	Run(t, func(t *testing.T) *Harness {
		m := &faultyModel{NewModel(), fault.fault}
		return &Harness{
			Allocator: memory.NewGoAllocator(),
			Open:      func(*testing.T) destination.Destination { return m },
			Read: func(t *testing.T, schema, name string, columns []string) []Row {
				return m.Rows(schema, name, columns)
			},
			Exists: func(t *testing.T, schema, name string) bool { return m.world.tables[place{schema, name}] != nil },
		}
	})
}

// TestSuiteFindsFaults runs the check that must find each fault in a process of its own, as it must fail there.
func TestSuiteFindsFaults(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			pattern := "^TestSuiteOfFault$/^" + strings.ReplaceAll(fault.check, " ", "_") + "$"
			cmd := exec.Command(os.Args[0], "-test.run="+pattern, "-test.v")
			cmd.Env = append(os.Environ(), faultName+"="+name, "GORACE=atexit_sleep_ms=0") // or the race detector lets each process wait a second
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuiteOfFault/"+strings.ReplaceAll(fault.check, " ", "_")) {
				t.Errorf("the check %q does not find it: %v\n%s", fault.check, err, out)
			}
			if strings.Contains(string(out), "panic:") {
				t.Errorf("the check panics:\n%s", out)
			}
		})
	}
}
