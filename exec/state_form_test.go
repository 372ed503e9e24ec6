package exec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/exec"
	"github.com/streamsql/streamsql/statestore"
)

// TestStateOfOtherForms: state that another version or other declarations have laid
// out is refused before any of it is read, with what differs and what to do.
func TestStateOfOtherForms(t *testing.T) {
	const script = `
CREATE SOURCE s (k INT, a BIGINT, b BIGINT) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK out (k INT, a BIGINT, b BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO out SELECT k, SUM(a), MAX(b) FROM s GROUP BY k;`
	for name, c := range map[string]struct {
		change func(meta map[string]any)
		want   []string
	}{
		"an older version": {
			func(m map[string]any) { m["version"] = 1; delete(m, "program") },
			[]string{"another version of streamsql", "version 1 of what commits say", "start afresh under another job.name or --data-dir"},
		},
		"a newer version": {
			func(m map[string]any) { m["version"], m["program"] = 99, "v9.9.9" },
			[]string{"streamsql v9.9.9", "version 99"},
		},
		"another layout": {
			func(m map[string]any) {
				for _, p := range m["query"].([]any) {
					if p := p.(map[string]any); p["layout"] != nil {
						p["layout"] = strings.Replace(p["layout"].(string), "aggregation 1", "aggregation 0", 1)
					}
				}
			},
			[]string{"it has \"aggregation 0", "this program \"aggregation 1"},
		},
		"no layout": {
			func(m map[string]any) {
				for _, p := range m["query"].([]any) {
					delete(p.(map[string]any), "layout")
				}
			},
			[]string{"it has \"\", this program \"aggregation 1"},
		},
		"another plan": {
			func(m map[string]any) { m["plan"] = "0123456789abcdef" },
			[]string{"other operators"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, script)
			b.store.Table("s").SendRows(0, []any{int32(1), int64(2), int64(3)})
			b.until(read(1))
			st, err := statestore.Open("job", statestore.Options{FS: b.state})
			if err != nil {
				t.Fatal(err)
			}
			last, _ := st.Last()
			var meta map[string]any
			d := json.NewDecoder(bytes.NewReader(last.Meta["job"]))
			d.UseNumber() // watermarks
			if err := d.Decode(&meta); err != nil {
				t.Fatal(err)
			}
			c.change(meta)
			if last.Meta["job"], err = json.Marshal(meta); err != nil {
				t.Fatal(err)
			}
			tx, err := st.Begin(last.Epoch+1, last.Layout)
			if err == nil {
				err = tx.Commit(last.Meta)
			}
			if err = errors.Join(err, st.Close()); err != nil {
				t.Fatal(err)
			}
			err = b.start(func(*exec.Config) {}).Wait()
			var form *exec.StateFormError
			if !errors.As(err, &form) {
				t.Fatalf("the error is %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%v", w, err)
				}
			}
		})
	}
}

// TestStateOfOtherDeclarations: what a state holds may hang on more than the query's
// text, such as columns that can't be NULL.
func TestStateOfOtherDeclarations(t *testing.T) {
	const script = `
CREATE SOURCE s (k INT, a BIGINT $A, b BIGINT $B) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK out (k INT, a BIGINT, b BIGINT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO out SELECT k, SUM(a), SUM(b) FROM s GROUP BY k;`
	declared := func(a, b string) string { return strings.NewReplacer("$A", a, "$B", b).Replace(script) }
	b := newBench(t, declared("", "NOT NULL"))
	b.store.Table("s").SendRows(0, []any{int32(1), int64(2), int64(3)})
	b.until(read(1))
	for _, c := range []struct{ a, b string }{{"NOT NULL", ""}, {"", ""}, {"NOT NULL", "NOT NULL"}} {
		other := newBench(t, declared(c.a, c.b))
		other.state = b.state
		other.store.Table("s").SendRows(0, []any{int32(1), int64(2), int64(3)})
		err := other.start(func(*exec.Config) {}).Wait()
		var form *exec.StateFormError
		if !errors.As(err, &form) {
			t.Errorf("a %s, b %s: the error is %v", c.a, c.b, err)
		}
	}
	b.store.Table("s").SendRows(0, []any{int32(1), int64(2), int64(3)})
	b.until(read(2))
	if got := fold(b.store.Table("out").Rows(), 1); got["[1]"] != "[4 6]" {
		t.Errorf("out has %v", got)
	}
}

// TestStateOfAnotherZone: expressions have the session's time zone, so another one
// makes another query.
func TestStateOfAnotherZone(t *testing.T) {
	const script = `
SET 'time.zone' = '$Z';
CREATE SOURCE s (t TIMESTAMP_LTZ(3)) WITH ('connector' = 'memory', 'bounded' = 'false');
CREATE SINK out (d DATE, n BIGINT, PRIMARY KEY (d) NOT ENFORCED) WITH ('connector' = 'memory');
INSERT INTO out SELECT CAST(t AS DATE), COUNT(*) FROM s GROUP BY CAST(t AS DATE);`
	b := newBench(t, strings.Replace(script, "$Z", "Asia/Tokyo", 1))
	b.store.Table("s").SendRows(0, []any{at(1)})
	b.until(read(1))
	other := newBench(t, strings.Replace(script, "$Z", "UTC", 1))
	other.state = b.state
	err := other.start(func(*exec.Config) {}).Wait()
	var changed *exec.ChangedQueryError
	if !errors.As(err, &changed) || !strings.Contains(err.Error(), "Asia/Tokyo") {
		t.Errorf("the error is %v", err)
	}
}
