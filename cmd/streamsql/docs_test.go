package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestGeneratedPages holds the committed pages to the descriptions that they are
// made from.
func TestGeneratedPages(t *testing.T) {
	pages, err := generatedPages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		have, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("docs/%s is not current: make docs", name)
		}
	}
}
