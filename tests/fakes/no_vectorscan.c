/*
 * For LD_PRELOAD: a CPU without the instructions that vectorscan needs, as the library
 * would say it.
 */
__attribute__((visibility("default"))) int hs_valid_platform(void);

int hs_valid_platform(void)
{
	return -11; /* HS_ARCH_ERROR */
}
