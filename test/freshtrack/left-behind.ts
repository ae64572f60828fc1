/**
 * Rows of the invented source that the new schema cannot take, as the migration
 * names them. Tests and rehearsals stand for the person who agrees to each.
 */
export const leftBehind = [
	"alert_rules_history:alert_rule_id is null",
	"corrective_actions:alert_id is null",
	"profiles:organization_id is null",
	"sensor_readings:temperature is null",
	"user_roles:role inspector has no counterpart",
	"user_roles:user_id, organization_id is a duplicate",
];
