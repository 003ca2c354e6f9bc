.PHONY: demo test check bench weather weather-mutants trust-mutants

demo test check bench weather weather-mutants trust-mutants:
	@./run $@
