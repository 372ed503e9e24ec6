package exec_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a job has left a goroutine behind, however it ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
