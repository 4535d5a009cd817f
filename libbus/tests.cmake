# The unit tests, a line each: bx_test(base/text) is base/text_test.c beside base/text.c.
bx_test(base/clock)
bx_test(base/error)
bx_test(base/file)
bx_test(base/json)
bx_test(base/log)
bx_test(base/loop)
bx_test(base/text)

bx_test(contract/catalog)
bx_test(contract/keys)
bx_test(contract/payloads)
bx_test(contract/print)
bx_test(contract/topics)
bx_test(contract/values)
bx_test(contract/verbs)

bx_test(bus/durable)
bx_test(bus/outbox)

bx_test(run/child)
bx_test(run/config)
bx_test(run/jobs)

# these two compare with files of the tree
foreach(target libbus_contract_print_test libbus_run_config_test)
  target_compile_definitions(${target} PRIVATE BX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endforeach()
