// What can be recorded, in the order in which it is offered to choose from.

export const ACTS = [
  'report_read', 'report_taken', 'report_released', 'report_resolved', 'banned', 'ban_confirmed', 'ban_extended',
  'ban_lifted', 'ban_ended', 'appealed', 'appeal_decided', 'reliability_changed', 'user_viewed', 'phone_looked_up',
  'role_changed', 'sessions_ended', 'account_erased', 'subscription_granted', 'subscription_ended', 'quota_corrected',
  'ad_created', 'ad_changed', 'ad_deleted', 'ad_announced', 'announcement_made', 'job_retried', 'job_deleted',
  'signed_in', 'sign_in_failed', 'identity_confirmed', 'password_changed', 'password_reset', 'session_ended',
  'refresh_reused', 'login_attempts', 'terms_accepted', 'totp_enrolled', 'totp_removed', 'recovery_code_used',
  'billing_event_conflict', 'billing_unknown_plan', 'billing_unknown_account',
] as const;

type ActName = (typeof ACTS)[number];

export const isAct = (name: string): name is ActName => (ACTS as readonly string[]).includes(name);
