package window

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/streamsql/streamsql/planner"
)

// TestDaysOfZones: the windows of days of a zone follow each other without a gap,
// each instant is in its own, and they begin at the first instant of the local
// day. The zones set their clocks at midnight, on either side of UTC.
func TestDaysOfZones(t *testing.T) {
	const day = 24 * 3600 * 1000000
	for _, name := range []string{
		"America/Sao_Paulo", "America/Havana", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Asia/Amman",
		"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		s := newSpec(planner.Window{Kind: planner.TumbleWindow, Size: day, Zone: zone})
		last := int64(-1)
		for at := time.Date(2017, 1, 1, 0, 0, 0, 0, zone); at.Year() < 2019; at = at.Add(30 * time.Minute) {
			us := at.UnixMicro()
			pane, from, to := s.paneOf(us)
			if us < from || us >= to {
				t.Fatalf("%s: %s is not in its window from %s to %s", name, at, time.UnixMicro(from).In(zone), time.UnixMicro(to).In(zone))
			}
			if last >= 0 && from != last && us == from {
				t.Fatalf("%s: the window before %s ends at %s", name, at, time.UnixMicro(last).In(zone))
			}
			// The day's first instant: its date is new there.
			y, m, d := time.UnixMicro(from).In(zone).Date()
			y0, m0, d0 := time.UnixMicro(from - 1).In(zone).Date()
			if y == y0 && m == m0 && d == d0 || time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()/86400 != pane {
				t.Fatalf("%s: the window of %s begins at %s", name, at, time.UnixMicro(from).In(zone))
			}
			last = to
		}
	}
}
