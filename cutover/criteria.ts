/**
 * The plans' criteria for a return that are shares: more than 5 % of requests with
 * errors, more than 10 % of log-ins failed.
 */
export const mostErrors = 0.05;
export const mostFailedLogins = 0.1;
