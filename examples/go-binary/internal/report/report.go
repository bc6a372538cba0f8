// Package report compares installed module versions with wanted ones.
package report

import (
	"fmt"
	"sort"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/semver"
)

type module struct {
	Installed string
	Wanted    string
}

// Of returns one line per module of a TOML document, sorted by name.
func Of(text string) ([]string, error) {
	var document struct{ Modules map[string]module }
	if _, err := toml.Decode(text, &document); err != nil {
		return nil, fmt.Errorf("cannot read the list: %w", err)
	}
	names := make([]string, 0, len(document.Modules))
	for name := range document.Modules {
		names = append(names, name)
	}
	sort.Strings(names)
	lines := make([]string, 0, len(names))
	for _, name := range names {
		entry := document.Modules[name]
		if !semver.IsValid(entry.Installed) || !semver.IsValid(entry.Wanted) {
			return nil, fmt.Errorf("cannot compare %q: a version is malformed", name)
		}
		state := "ok"
		if semver.Compare(entry.Installed, entry.Wanted) < 0 {
			state = "older than " + entry.Wanted
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", name, entry.Installed, state))
	}
	return lines, nil
}
