module github.com/closekit/closekit/bench

go 1.25.0

replace github.com/closekit/closekit => ../
