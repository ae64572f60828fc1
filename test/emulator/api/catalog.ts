import type { Context } from "../context";
import { notFound } from "./errors";
import { paginate } from "./pagination";
import { type Route, route } from "./router";
import * as shape from "./shapes";

/**
 * The regions, sizes and images that the emulator offers: those that the
 * program names, with the figures DigitalOcean publishes for them. A slug that
 * is not here is refused, as an unknown one is by DigitalOcean.
 */
export interface Region {
	slug: string;
	name: string;
}

export interface Size {
	slug: string;
	memory: number;
	vcpus: number;
	disk: number;
	transfer: number;
	price_monthly: number;
}

export interface Image {
	id: number;
	slug: string;
	name: string;
	distribution: "Debian" | "Ubuntu";
}

export const regions: Region[] = [
	{ slug: "nyc1", name: "New York 1" },
	{ slug: "nyc3", name: "New York 3" },
	{ slug: "ams3", name: "Amsterdam 3" },
	{ slug: "sfo3", name: "San Francisco 3" },
	{ slug: "sgp1", name: "Singapore 1" },
	{ slug: "lon1", name: "London 1" },
	{ slug: "fra1", name: "Frankfurt 1" },
	{ slug: "tor1", name: "Toronto 1" },
	{ slug: "blr1", name: "Bangalore 1" },
	{ slug: "syd1", name: "Sydney 1" },
];

const basic = (
	slug: string,
	vcpus: number,
	memory: number,
	disk: number,
	transfer: number,
	price_monthly: number,
): Size => ({ slug, vcpus, memory, disk, transfer, price_monthly });

export const sizes: Size[] = [
	basic("s-1vcpu-512mb-10gb", 1, 512, 10, 0.5, 4),
	basic("s-1vcpu-1gb", 1, 1024, 25, 1, 6),
	basic("s-1vcpu-2gb", 1, 2048, 50, 2, 12),
	basic("s-2vcpu-2gb", 2, 2048, 60, 3, 18),
	basic("s-2vcpu-4gb", 2, 4096, 80, 4, 24),
	basic("s-4vcpu-8gb", 4, 8192, 160, 5, 48),
	basic("s-8vcpu-16gb", 8, 16384, 320, 6, 96),
];

export const images: Image[] = [
	{
		id: 134567801,
		slug: "debian-12-x64",
		name: "12 x64",
		distribution: "Debian",
	},
	{
		id: 134567802,
		slug: "ubuntu-22-04-x64",
		name: "22.04 (LTS) x64",
		distribution: "Ubuntu",
	},
	{
		id: 134567803,
		slug: "ubuntu-24-04-x64",
		name: "24.04 (LTS) x64",
		distribution: "Ubuntu",
	},
];

/** Database plans: slug to disk in MiB. */
export const databaseSizes: Record<string, number> = {
	"db-s-1vcpu-1gb": 10240,
	"db-s-1vcpu-2gb": 30720,
	"db-s-2vcpu-4gb": 61440,
	"db-s-4vcpu-8gb": 143360,
};

/** PostgreSQL major versions that the machines have, of those that DigitalOcean offers. */
export const databaseVersions = ["15", "17"];

const regionSlugs = regions.map((region) => region.slug);
const sizeSlugs = sizes.map((size) => size.slug);

export const findRegion = (slug: string): Region | undefined =>
	regions.find((region) => region.slug === slug);
export const findSize = (slug: string): Size | undefined =>
	sizes.find((size) => size.slug === slug);
/** Images go by slug or by number. */
export const findImage = (key: string | number): Image | undefined =>
	images.find((image) => image.slug === key || image.id === Number(key));

export function regionView(slug: string) {
	return {
		slug,
		name: findRegion(slug)?.name ?? slug,
		features: [
			"backups",
			"ipv6",
			"metadata",
			"install_agent",
			"storage",
			"image_transfer",
		],
		available: true,
		sizes: sizeSlugs,
	};
}

export function sizeView(slug: string) {
	const size = findSize(slug);
	return {
		...size,
		slug,
		// DigitalOcean bills at most 672 hours a month.
		price_hourly: (size?.price_monthly ?? 0) / 672,
		regions: regionSlugs,
		available: true,
		description: "Basic",
	};
}

export function imageView(slug: string) {
	const image = findImage(slug);
	return {
		id: image?.id,
		name: image?.name,
		distribution: image?.distribution,
		slug,
		public: true,
		regions: regionSlugs,
		created_at: "2026-01-15T00:00:00Z",
		type: "base",
		min_disk_size: 7,
		size_gigabytes: 0.6,
		description: `${image?.distribution} ${image?.name}`,
		tags: [],
		status: "available",
		error_message: "",
	};
}

export function catalogRoutes(_context: Context): Route[] {
	return [
		route({
			method: "GET",
			path: "/v2/regions",
			status: 200,
			answer: shape.list("regions", shape.region),
			handle: (call) =>
				paginate(call, "regions", regions, (region) => regionView(region.slug)),
		}),
		route({
			method: "GET",
			path: "/v2/sizes",
			status: 200,
			answer: shape.list("sizes", shape.size),
			handle: (call) =>
				paginate(call, "sizes", sizes, (size) => sizeView(size.slug)),
		}),
		route({
			method: "GET",
			path: "/v2/images",
			status: 200,
			answer: shape.list("images", shape.image),
			handle: (call) =>
				paginate(
					call,
					"images",
					// No private or one-click images exist here.
					call.query.get("private") === "true" ||
						call.query.get("type") === "application"
						? []
						: images,
					(image) => imageView(image.slug),
				),
		}),
		route({
			method: "GET",
			path: "/v2/images/{image_id}",
			status: 200,
			answer: shape.one("image", shape.image),
			handle: (call) => {
				const image = findImage(call.params.image_id ?? "");
				if (!image) throw notFound();
				return { image: imageView(image.slug) };
			},
		}),
	];
}
