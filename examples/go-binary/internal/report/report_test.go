package report

import (
	"slices"
	"testing"
)

func TestOf(t *testing.T) {
	text := "[modules.b]\ninstalled = \"v1.2.0\"\nwanted = \"v1.10.0\"\n[modules.a]\ninstalled = \"v2.0.0\"\nwanted = \"v1.0.0\"\n"
	lines, err := Of(text)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a v2.0.0 ok", "b v1.2.0 older than v1.10.0"}; !slices.Equal(lines, want) {
		t.Fatalf("got %q, want %q", lines, want)
	}
	if _, err := Of("[modules.a]\ninstalled = \"2\"\nwanted = \"v1.0.0\"\n"); err == nil {
		t.Fatal("a malformed version must be refused")
	}
}
