package format

import (
	"bufio"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/connectors"
)

// Lines cut in pieces of any size are the lines that bufio finds.
func TestLines(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "{}", " ", "\t", "\r", "\r\n", "\n", "\n\n", "x y"}
	for try := range 20000 {
		var data string
		for range rng.IntN(10) {
			data += pieces[rng.IntN(len(pieces))]
			if try%2 == 0 { // long enough to be counted 64 bytes at a time
				data += strings.Repeat("y", rng.IntN(90)) + "\n"[:rng.IntN(2)]
			}
		}
		records, blankLead := 0, 0
		scan := bufio.NewScanner(strings.NewReader(data))
		for scan.Scan() {
			if strings.Trim(scan.Text(), " \t\r") != "" {
				records++
			} else if records == 0 {
				blankLead++
			}
		}
		got, at, seen := Cut{}, 0, 0
		for at < len(data) {
			seen = min(len(data), max(seen, at)+rng.IntN(4+len(data)))
			limits := connectors.Limits{Records: 1 + rng.IntN(5), Bytes: 1 + rng.IntN(10+len(data))}
			c := Lines{}.Cut([]byte(data[at:seen]), limits, seen == len(data))
			if c.Records > limits.Records || c.Lead > c.Bytes || c.Records > 0 && strings.TrimSpace(data[at:at+c.Lead]) != "" {
				t.Fatalf("%q: %+v", data[at:seen], c)
			}
			if c.Records > 0 && strings.TrimSpace(strings.SplitN(data[at+c.Lead:at+c.Bytes], "\n", 2)[0]) == "" {
				t.Fatalf("%q: no record at %d", data[at:seen], c.Lead)
			}
			got.Records += c.Records
			got.Lines += c.Lines
			at += c.Bytes
			if seen == len(data) && c.Bytes == 0 {
				t.Fatalf("no end in %q", data[at:])
			}
		}
		if got.Records != records || got.Lines != strings.Count(data, "\n") {
			t.Fatalf("%q: %+v, want %d records", data, got, records)
		}
	}
}
