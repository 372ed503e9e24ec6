//go:build memcheck

package table

import (
	"strings"
	"testing"

	"github.com/streamsql/streamsql/statestore"
)

// With the tag, rows that change as they must not are found.
func TestUnmarkedChanges(t *testing.T) {
	panics := func(want string, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if text, _ := recover().(string); !strings.Contains(text, want) {
				t.Errorf("it panics with %q, want %q", text, want)
			}
		}()
		f()
	}
	store := func(f *Frozen) {
		for _, p := range f.parts {
			p.f.write(func([]byte, func()) {})
		}
	}
	for name, c := range map[string]struct {
		change func(r *Rows, id uint32)
		want   string
	}{
		"marked":        {func(r *Rows, id uint32) { r.Edit(id)[0] = 7 }, ""},
		"not marked":    {func(r *Rows, id uint32) { r.At(id)[0] = 7 }, "row 1 has changed unmarked"},
		"changed twice": {func(r *Rows, id uint32) { r.Edit(id)[0] = 7; r.At(id)[1] = 8 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			st := New(1)
			r := st.Rows(0, 0, 2)
			r.Alloc()
			id := r.Alloc()
			store(st.Freeze(statestore.Cut{Epoch: 1, Generation: 1}))
			c.change(r, id)
			freeze := func() { store(st.Freeze(statestore.Cut{Epoch: 2, Generation: 2})) }
			if c.want == "" {
				freeze()
				return
			}
			panics(c.want, freeze)
		})
	}
	t.Run("before it is marked", func(t *testing.T) {
		st := New(1)
		r := st.Rows(0, 0, 2)
		id := r.Alloc()
		st.Freeze(statestore.Cut{Epoch: 1, Generation: 1})
		r.At(id)[0] = 7
		panics("row 0 was changed before it was marked", func() { r.Mark(id) })
	})
}
