bx_test(bus/bus)
bx_test(bus/command)
