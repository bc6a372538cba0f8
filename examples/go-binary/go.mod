module example.com/module-report

go 1.24.0

require (
	github.com/BurntSushi/toml v1.5.0
	golang.org/x/mod v0.30.0
)
