/** The type that keeps the two languages together. Without anything of the browser: tests compare words, too. */

/** Texts of one language with the type of the other: a key that one of them lacks does not compile. */
export type Texts<English> = {
  [Key in keyof English]: English[Key] extends (...args: infer Args) => string
    ? (...args: Args) => string
    : English[Key] extends string
      ? string
      : Texts<English[Key]>;
};
