/** A policy's name, which may break after an underscore. */
export const PolicyName = ({ name }: { readonly name: string }) => (
  <>
    {name.split(/(?<=_)/).map((part, i) => (
      <>
        {i > 0 && <wbr />}
        {part}
      </>
    ))}
  </>
);
