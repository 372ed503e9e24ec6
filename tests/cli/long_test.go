package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLongLine reads a line of 100 MB: a value like another up to
// 'max-record-bytes', beyond it a bad record under each policy. The rows around
// it are as ever.
func TestLongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("100 MB")
	}
	const size = 100_000_000
	dir := t.TempDir()
	var file bytes.Buffer
	file.WriteString("{\"a\":\"one\"}\n{\"a\":\"")
	file.Write(bytes.Repeat([]byte("x"), size))
	file.WriteString("\"}\n{\"a\":\"two\"}\n")
	if err := os.WriteFile(filepath.Join(dir, "in.json"), file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, options string
		code          int
		stdout        string
		stderr        string
	}{
		{name: "fits", stdout: "n\n3\n100000000\n3\n"},
		{name: "fail", options: "'max-record-bytes' = '64mb'", code: 1, stderr: "error: in.json:2: the record is longer than 67108864 bytes"},
		{name: "skip", options: "'max-record-bytes' = '64mb', 'on-error' = 'skip'", stdout: "n\n3\n3\n"},
		{
			name: "dead-letter", options: "'max-record-bytes' = '64mb', 'on-error' = 'dead-letter', 'dead-letter.sink' = 'bad'",
			stdout: "n\n3\n3\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			options := "'connector' = 'file', 'path' = 'in.json', 'format' = 'json'"
			if c.options != "" {
				options += ", " + c.options
			}
			script := `
CREATE SINK bad (position STRING, error_code STRING) WITH ('connector' = 'file', 'path' = 'bad', 'format' = 'json');
CREATE SOURCE s (a STRING) WITH (` + options + `);
CREATE SINK o (n BIGINT) WITH ('connector' = 'console', 'format' = 'csv');
INSERT INTO o SELECT LENGTH(a) FROM s;`
			cmd := exec.Command(binary, "-e", script)
			cmd.Dir = dir
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Fatalf("exit code %d, want %d: %s", code, c.code, stderr.String())
			}
			if c.code == 0 && stdout.String() != c.stdout {
				t.Errorf("stdout %s, want %s", stdout.String(), c.stdout)
			}
			if !strings.Contains(stderr.String(), c.stderr) || stderr.Len() > 4000 {
				t.Errorf("stderr (%d bytes) %.1000s, want %s", stderr.Len(), stderr.String(), c.stderr)
			}
		})
	}
	got, err := sinkLines(filepath.Join(dir, "bad"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"position":"in.json:2","error_code":"MALFORMED_RECORD"}`
	if len(got) != 1 || got[0] != want {
		t.Errorf("dead letters %v, want %s", got, want)
	}
}
