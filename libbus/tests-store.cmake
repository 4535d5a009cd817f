# The tests of store/, as in tests.cmake.
bx_test(store/database LIBRARIES bx_store)
bx_test(store/history LIBRARIES bx_store)
bx_test(store/schema LIBRARIES bx_store)
