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
export interface Verb { key: string; label: string; counts: boolean; compares?: string; takes_property?: boolean }
export interface Origin { key: string; label: string; choices: Choice[] }
export interface Catalogue {
  fields: Field[];
  behaviour: {
    verbs: Verb[];
    property_types: Record<string, Operator[]>;
    comparisons: Record<string, Operator[]>;
    messages: Choice[];
    origins: Origin[];
  };
  signs: Record<string, string>;
}

/* Two kinds of rows that are no fields: what people did, and rules that this page has no editor for. */
export const EVENT = "(event)";
export const OTHER = "(other)";

const ANY: Operator = { key: "", label: "", input: "none" };

export class Lookup {
  private readonly fields: Map<string, Field>;

  constructor(readonly catalogue: Catalogue) {
    this.fields = new Map(catalogue.fields.map((field) => [field.key, field]));
  }

  get first(): Field {
    return this.catalogue.fields[0]!;
  }

  /* A variant of a listed field (random_sample:winter) is asked like the field itself. */
  field(key: string): Field | undefined {
    const [family = "", ...rest] = key.split(":");
    const base = this.fields.get(family);
    return this.fields.get(key) ?? (base && { ...base, key, label: `${base.label} “${rest.join(":")}”` });
  }

  operator(field: string, key: string): Operator | undefined {
    return this.field(field)?.operators.find((operator) => operator.key === key);
  }

  verb(key: string): Verb {
    const { verbs } = this.catalogue.behaviour;
    return verbs.find((verb) => verb.key === key) ?? verbs[0]!;
  }

  isMessage(event: string): boolean {
    return this.catalogue.behaviour.messages.some((message) => message.value === event);
  }

  /* The name of an operator that may be written as its sign (>=). */
  named(key: unknown): string {
    return typeof key === "string" ? (this.catalogue.signs[key] ?? key) : "";
  }

  ofProperty(type: string): Operator[] {
    return this.catalogue.behaviour.property_types[type] ?? [];
  }

  propertyOperator(type: string, key: string): Operator {
    return chosen(this.ofProperty(type), key);
  }

  comparisons(type: string): Operator[] {
    return this.catalogue.behaviour.comparisons[type] ?? [];
  }

  comparison(type: string, key: string): Operator {
    return chosen(this.comparisons(type), key);
  }
}

const chosen = (operators: Operator[], key: string) => operators.find((operator) => operator.key === key) ?? operators[0] ?? ANY;

export const asChoices = (operators: { key: string; label: string }[]): Choice[] => operators.map(({ key, label }) => ({ value: key, label }));
