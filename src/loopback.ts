/** Whether an address to listen on is for this machine alone. Any other name may lead elsewhere. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
