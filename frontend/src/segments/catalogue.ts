/* What rules can ask about, as the server describes it (segments/representations.py). Nothing here names a field. */

export interface Choice { value: string; label: string }
export interface Operator { key: string; label: string; input: string }
export interface Field {
  key: string;
  label: string;
  group: string;
  type: string;
  operators: Operator[];
  choices: Choice[];
}
export interface Verb { key: string; label: string; counts: boolean }
export interface Catalogue {
  fields: Field[];
  behaviour: { verbs: Verb[]; property_types: Record<string, Operator[]> };
  signs: Record<string, string>;
}

/* Two kinds of rows that are no fields: what people did, and rules that this page has no editor for. */
export const EVENT = "(event)";
export const OTHER = "(other)";

export class Lookup {
  readonly fields: Map<string, Field>;

  constructor(readonly catalogue: Catalogue) {
    this.fields = new Map(catalogue.fields.map((field) => [field.key, field]));
  }

  get first(): Field {
    return this.catalogue.fields[0]!;
  }

  operator(field: string, key: string): Operator | undefined {
    return this.fields.get(field)?.operators.find((operator) => operator.key === key);
  }

  verb(key: string): Verb {
    const { verbs } = this.catalogue.behaviour;
    return verbs.find((verb) => verb.key === key) ?? verbs[0]!;
  }

  /* The name of an operator that may be written as its sign (>=). */
  named(key: unknown): string {
    return typeof key === "string" ? (this.catalogue.signs[key] ?? key) : "";
  }

  ofProperty(type: string): Operator[] {
    return this.catalogue.behaviour.property_types[type] ?? [];
  }

  propertyOperator(type: string, key: string): Operator {
    const known = this.ofProperty(type);
    return known.find((operator) => operator.key === key) ?? known[0]!;
  }
}
