package random

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/memory"
)

// changelog is a changelog of the base table, split by split. All changes of an id
// are in one split, in order.
type changelog [][]memory.Record

// makeChanges makes a changelog of rows that come, go, and change: also in their
// keys, so that what takes a row back and what comes instead belong to other shards.
func makeChanges(r *rand.Rand, rows []row, splits int) changelog {
	log := make(changelog, splits)
	var stand []row
	send := func(k catalog.RowKind, v row) {
		split := int(v[0].(int64)) % splits
		log[split] = append(log[split], memory.Record{Values: slices.Clone(v), Kind: k})
	}
	for _, v := range rows {
		for len(stand) > 0 && r.IntN(3) == 0 {
			i := r.IntN(len(stand))
			old := stand[i]
			send2 := [][2]catalog.RowKind{{catalog.UpdateBefore, catalog.UpdateAfter}, {catalog.Delete, catalog.Insert}}[r.IntN(2)]
			if r.IntN(3) == 0 {
				send(catalog.Delete, old)
				stand = slices.Delete(stand, i, i+1)
				continue
			}
			with := rows[r.IntN(len(rows))]
			changed := slices.Clone(old)
			for c := 1; c < len(changed); c++ {
				if r.IntN(2) == 0 {
					changed[c] = with[c]
				}
			}
			send(send2[0], old)
			send(send2[1], changed)
			stand[i] = changed
		}
		send(catalog.Insert, v)
		stand = append(stand, v)
	}
	return log
}

// fill puts values in the place of NULLs.
func fill(rows []row) {
	for _, r := range rows {
		for c, v := range (row{int64(0), int64(3), int64(7), int64(1), int64(5), 0.5, "a", "x", true, time.UnixMilli(1000).UTC()}) {
			if r[c] == nil {
				r[c] = v
			}
		}
	}
}

// fold gives the rows that stand after the first changes of each split.
func (l changelog) fold(upTo []int) []row {
	stand := map[int64]row{}
	for i, split := range l {
		for _, c := range split[:upTo[i]] {
			if id := c.Values[0].(int64); c.Kind.Adds() {
				stand[id] = c.Values
			} else {
				delete(stand, id)
			}
		}
	}
	var rows []row
	for _, v := range stand {
		rows = append(rows, v)
	}
	slices.SortFunc(rows, func(a, b row) int { return int(a[0].(int64) - b[0].(int64)) })
	return rows
}
