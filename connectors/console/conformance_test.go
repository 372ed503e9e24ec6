package console_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/console"
)

// screen is a world in which what was written stays: a console can't take rows
// back.
type screen struct{ text bytes.Buffer }

func (s *screen) Sink(t testing.TB) connectors.Sink {
	sink, err := console.Connector().OpenSink(connectors.SinkConfig{
		Name: "out", Columns: connectortest.SinkColumns(), Mode: catalog.AppendOnly, Shards: 3,
		Options: catalog.Options{"format": "json", "truncate": "0", "num-rows": "0"},
	}, connectors.Env{Stdout: &s.text})
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// Visible reads the screen with encoding/json.
func (s *screen) Visible(t testing.TB) []int64 {
	var ids []int64
	for dec := json.NewDecoder(bytes.NewReader(s.text.Bytes())); dec.More(); {
		var row struct {
			ID   int64   `json:"id"`
			Text *string `json:"text"`
		}
		if err := dec.Decode(&row); err != nil {
			t.Fatal(err)
		}
		if want, ok := connectortest.SinkText(row.ID); ok != (row.Text != nil) || ok && *row.Text != want {
			t.Fatalf("row %d has another text than was written", row.ID)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

func (s *screen) Crash(bool, *rand.Rand) {}

func TestConformance(t *testing.T) {
	connectortest.TestSink(t, connectortest.SinkTest{
		World: func(testing.TB) connectortest.World { return &screen{} }, AtLeastOnce: true,
	})
}
