module github.com/closekit/closekit

go 1.25.0
