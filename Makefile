.PHONY: demo test check bench weather weather-mutants

demo test check bench weather weather-mutants:
	@./run $@
