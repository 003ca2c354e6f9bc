.PHONY: demo test check bench bench-peers weather weather-mutants trust-mutants

demo test check bench bench-peers weather weather-mutants trust-mutants:
	@./run $@
