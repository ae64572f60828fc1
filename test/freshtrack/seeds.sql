-- Rows that the migrations of both sides seed: the same natural keys, but ids
-- and timestamps of each database's own making. An import that copies rows
-- blindly collides here (alarm_definitions.slug, sensor_catalog's manufacturer
-- and model). Contents are invented; the counts are the product's.

-- 71 alarm definitions: the first 71 of 15 conditions × 5 kinds of unit.
WITH condition (rank, slug, label, category, subcategory, severity, tier, sensor, field, threshold, unit) AS (
	VALUES
		(1, 'high-temperature', 'High temperature', 'temperature', 'limit', 'critical', 'tier_1', 'temperature', 'temperature', 41.0, '°F'),
		(2, 'low-temperature', 'Low temperature', 'temperature', 'limit', 'warning', 'tier_1', 'temperature', 'temperature', -10.00, '°F'),
		(3, 'rising-temperature', 'Rising temperature', 'temperature', 'trend', 'warning', 'tier_2', 'temperature', 'temperature_slope', 0.50, '°F/min'),
		(4, 'slow-recovery', 'Slow recovery after door', 'temperature', 'duration', 'warning', 'tier_2', 'temperature', 'recovery_minutes', 45, 'min'),
		(5, 'unstable-temperature', 'Unstable temperature', 'temperature', 'pattern', 'info', 'tier_3', 'temperature', 'temperature_stddev', 3.250, '°F'),
		(6, 'door-open', 'Door left open', 'door', 'duration', 'warning', 'tier_1', 'door', 'door_open_minutes', 15, 'min'),
		(7, 'door-cycling', 'Door opened too often', 'door', 'pattern', 'info', 'tier_2', 'door', 'door_cycles', 30, '1/h'),
		(8, 'no-readings', 'Sensor silent', 'connectivity', 'absence', 'critical', 'tier_1', 'temperature', 'missed_checkins', 5, NULL),
		(9, 'weak-signal', 'Weak radio signal', 'connectivity', 'health', 'info', 'tier_3', 'gateway', 'signal_strength', -118, 'dBm'),
		(10, 'low-battery', 'Battery nearly empty', 'power', 'limit', 'warning', 'tier_1', 'temperature', 'battery_level', 15, '%'),
		(11, 'battery-drain', 'Battery drains too fast', 'power', 'trend', 'info', 'tier_3', 'temperature', 'battery_slope', 1.5, '%/d'),
		(12, 'missed-manual-log', 'Manual log missed', 'compliance', 'absence', 'warning', 'tier_1', 'manual', 'minutes_overdue', 60, 'min'),
		(13, 'high-humidity', 'High humidity', 'temperature', 'limit', 'info', 'tier_2', 'humidity', 'humidity', 90.0, '%'),
		(14, 'cooling-failure', 'Suspected cooling failure', 'temperature', 'pattern', 'emergency', 'tier_2', 'temperature', 'temperature_slope', 1.0, '°F/min'),
		(15, 'calibration-due', 'Calibration due', 'compliance', 'absence', 'info', 'tier_3', 'temperature', 'days_since_calibration', 365, 'd')
),
kind (rank, unit_type) AS (
	VALUES (1, 'fridge'), (2, 'freezer'), (3, 'display_case'), (4, 'walk_in'), (5, 'any')
)
INSERT INTO alarm_definitions (
	slug, display_name, short_description, description, category, subcategory, severity, detection_tier,
	applicable_sensor_types, applicable_unit_types, required_sensors, eval_field, eval_logic, eval_params,
	threshold_max, threshold_unit, what_we_observe, tags, sort_order
)
SELECT
	condition.slug || '-' || kind.unit_type,
	condition.label || ' (' || kind.unit_type || ')',
	condition.label,
	condition.label || ': ' || condition.field || ' beyond ' || condition.threshold || coalesce(' ' || condition.unit, '') || '.',
	condition.category::alarm_category,
	condition.subcategory::alarm_subcategory,
	condition.severity::alarm_severity,
	condition.tier::detection_tier,
	ARRAY[condition.sensor]::alarm_sensor_type[],
	ARRAY[kind.unit_type]::alarm_unit_type[],
	condition.sensor,
	condition.field,
	'threshold',
	jsonb_build_object('field', condition.field, 'limit', condition.threshold),
	condition.threshold,
	condition.unit,
	condition.field || ' as reported by the ' || condition.sensor || ' sensor',
	ARRAY[condition.category, kind.unit_type],
	condition.rank * 10 + kind.rank
FROM condition
CROSS JOIN kind
ORDER BY condition.rank, kind.rank
LIMIT 71
ON CONFLICT (slug) DO NOTHING;

-- 38 catalogued sensors of invented makers.
INSERT INTO sensor_catalog (
	manufacturer, model, display_name, description, sensor_kind, decoded_fields, f_ports, frequency_bands,
	industries, tags, battery_info, sort_order, notes
)
SELECT
	maker,
	series || '-' || number,
	maker || ' ' || series || '-' || number,
	CASE WHEN number % 3 = 0 THEN '' WHEN number % 3 = 1 THEN NULL ELSE kind || ' sensor for cold rooms' END,
	kind,
	jsonb_build_array(jsonb_build_object('name', kind, 'unit', CASE kind WHEN 'door' THEN NULL ELSE '°C' END)),
	jsonb_build_array(2, 100 + number),
	CASE WHEN number % 2 = 0 THEN '{US915}'::text[] ELSE '{US915,EU868}'::text[] END,
	'{food,pharma}',
	ARRAY[kind, lower(maker)],
	jsonb_build_object('chemistry', 'Li-SOCl₂', 'mah', 2400 + number * 100),
	number,
	CASE WHEN number % 7 = 0 THEN 'Überprüft – 検証済み' END
FROM (
	SELECT
		number,
		(ARRAY['Kältewerk', 'Northfrost', 'Permafrost Labs', 'Thermolog'])[1 + number % 4] AS maker,
		(ARRAY['TH', 'TD', 'KS'])[1 + number % 3] AS series,
		(ARRAY['temp', 'temp_humidity', 'door'])[1 + number % 3] AS kind
	FROM generate_series(1, 38) AS number
) AS model
ON CONFLICT (manufacturer, model) DO NOTHING;
