module eiot

go 1.18
