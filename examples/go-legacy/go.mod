module example.test/legacy

go 1.13

toolchain go1.13.6
