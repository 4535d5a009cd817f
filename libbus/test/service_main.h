/* Included before main.c where main_test.c drives its tables: its main() is another function there. */
#pragma once
#ifndef BX_MAIN_TEST
#define main service_main
int main(int argc, char **argv);
#endif
