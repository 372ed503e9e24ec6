package etl

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/streamsql/streamsql/planner"
)

// jobOf gives the job of a script.
func jobOf(s *planner.Script) (*planner.Job, error) {
	for _, step := range s.Steps {
		if j, ok := step.(*planner.Job); ok {
			return j, nil
		}
	}
	return nil, errors.New("the script has no INSERT")
}

func unbase64(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
