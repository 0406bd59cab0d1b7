export function readDocument(): object;
export function generate(document: object): Promise<Readonly<Record<string, string>>>;
