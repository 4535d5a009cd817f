/* The least that a poll can cost: libcurl's multi interface, as it comes.
 *
 *	bench-fetch ROUNDS CONNECTIONS < URLS
 *
 * Gets each URL once a round, CONNECTIONS at once at most, each on a connection of its own, as miners want it. Prints
 * "REQUESTS FAILURES CPU_SECONDS". Ends itself after two minutes, whatever happens. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { URLS_MAX = 2000, GIVE_UP_S = 120 };

static size_t drop(char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes, (void)arg;
	return size * count;
}

static void add(CURLM *multi, const char *url, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 6000L);
	curl_multi_add_handle(multi, easy);
}

int main(int argc, char **argv)
{
	char *urls[URLS_MAX] = { NULL };
	size_t url_count = 0, size = 0, failures = 0;
	if (argc != 3) {
		(void)fprintf(stderr, "usage: bench-fetch ROUNDS CONNECTIONS < URLS\n");
		return 2;
	}
	alarm(GIVE_UP_S);
	while (url_count < URLS_MAX && getline(&urls[url_count], &size, stdin) > 0) {
		urls[url_count][strcspn(urls[url_count], "\n")] = '\0';
		url_count++;
		size = 0;
	}
	size_t rounds = strtoul(argv[1], NULL, 10), connections = strtoul(argv[2], NULL, 10);
	size_t all = rounds * url_count, begun = 0, ended = 0;
	struct curl_slist *headers = curl_slist_append(NULL, "Connection: close");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURLM *multi = curl_multi_init();
	for (int running; ended < all; curl_multi_poll(multi, NULL, 0, 1000, NULL)) {
		for (; begun < all && begun - ended < connections; begun++)
			add(multi, urls[begun % url_count], headers);
		curl_multi_perform(multi, &running);
		int left;
		for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
			CURL *easy = message->easy_handle;
			failures += message->data.result != CURLE_OK;
			curl_multi_remove_handle(multi, easy);
			curl_easy_cleanup(easy);
			ended++;
		}
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	(void)printf("%zu %zu %.6f\n", ended, failures, cpu_s);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	for (size_t i = 0; i < url_count; i++)
		free(urls[i]);
	return failures > 0;
}
