//! The `#[rt::main]` attribute. Workloads use it through `rt`, which re-exports it.
//!
//! It is small enough to read tokens by hand: a parser crate would be most of the build time of
//! a small guest.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

mod item;

/// Makes a function the entry point of the guest.
///
/// ```text
/// #![no_std]
/// #![no_main]
///
/// #[rt::main]
/// fn main() -> Result<(), rt::io::Error> {
///     Ok(())
/// }
/// ```
///
/// The function may return anything that is `rt::Termination`; what it returns becomes the exit
/// code that the host sees. It stays an ordinary function beside a second one, `callisto_main`,
/// that the kernel calls. A crate that renamed `rt` says so: `#[rt::main(crate = other)]`.
///
/// What cannot be an entry point is refused where it is written:
///
/// ```compile_fail
/// #[rt_macros::main]
/// fn main(args: u32) {}
/// ```
/// ```compile_fail
/// #[rt_macros::main]
/// async fn main() {}
/// ```
/// ```compile_fail
/// #[rt_macros::main]
/// const fn main() {}
/// ```
/// ```compile_fail
/// #[rt_macros::main]
/// fn main<T>() {}
/// ```
/// ```compile_fail
/// #[rt_macros::main(retries = 3)]
/// fn main() {}
/// ```
/// ```compile_fail
/// #[rt_macros::main]
/// struct Main;
/// ```
#[proc_macro_attribute]
pub fn main(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let glue = crate_path(attribute)
        .and_then(|path| Ok(glue(path, item::check(item.clone())?)))
        .unwrap_or_else(Refusal::into_compile_error);
    // The function itself is kept in any case: one mistake should not cause errors about a missing `main`.
    item.into_iter().chain(glue).collect()
}

/// Why something is not an entry point, and where that is written.
struct Refusal {
    span: Span,
    message: String,
}

impl Refusal {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
        }
    }

    fn into_compile_error(self) -> TokenStream {
        let message = TokenTree::from(Literal::string(&self.message));
        let mut arguments = TokenTree::from(Group::new(Delimiter::Brace, message.into()));
        arguments.set_span(self.span);
        let mut tokens = path("::core::compile_error", self.span);
        tokens.extend([punct('!', self.span), arguments]);
        tokens
    }
}

/// What stands in the parentheses of the attribute: nothing, or `crate = PATH`. Gives the path.
fn crate_path(attribute: TokenStream) -> Result<TokenStream, Refusal> {
    const USAGE: &str = "the only option is `crate = PATH`, as in `#[rt::main(crate = other)]`";
    let mut tokens = attribute.into_iter();
    let Some(key) = tokens.next() else {
        return Ok(path("::rt", Span::call_site()));
    };
    let equals = tokens.next();
    if key.to_string() != "crate" || equals.is_none_or(|equals| equals.to_string() != "=") {
        return Err(Refusal::new(key.span(), USAGE));
    }
    let path: Vec<TokenTree> = tokens.collect();
    let part_of_path = |token: &TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        TokenTree::Group(_) | TokenTree::Literal(_) => false,
    };
    match path.iter().find(|token| !part_of_path(token)) {
        Some(wrong) => Err(Refusal::new(wrong.span(), USAGE)),
        None if path.is_empty() => Err(Refusal::new(key.span(), USAGE)),
        None => Ok(path.into_iter().collect()),
    }
}

/// The function that the kernel calls:
///
/// ```text
/// const _: () = {
///     #[unsafe(no_mangle)]
///     extern "Rust" fn callisto_main() -> i32 { ::rt::__private::run(main, NAME) }
/// };
/// ```
///
/// `NAME` is `option_env!("CARGO_BIN_NAME")` of the crate that uses the attribute.
///
/// `result` is where the type that `main` returns is written, so that a type without
/// `Termination` is reported there.
fn glue(rt: TokenStream, result: Span) -> TokenStream {
    let run: TokenStream = path("::__private::run", Span::call_site());
    let main = TokenTree::from(Ident::new("main", Span::call_site().located_at(result)));
    let name: TokenStream = ", ::core::option_env!(\"CARGO_BIN_NAME\")"
        .parse()
        .unwrap_or_default();
    let arguments = core::iter::once(main).chain(name).collect();
    let call = rt
        .into_iter()
        .chain(run)
        .chain([group(Delimiter::Parenthesis, arguments)])
        .collect();
    let head: TokenStream = "#[unsafe(no_mangle)] extern \"Rust\" fn callisto_main() -> i32"
        .parse()
        .unwrap_or_default();
    let function = head
        .into_iter()
        .chain([group(Delimiter::Brace, call)])
        .collect();
    let block: TokenStream = "const _: () =".parse().unwrap_or_default();
    block
        .into_iter()
        .chain([
            group(Delimiter::Brace, function),
            punct(';', Span::call_site()),
        ])
        .collect()
}

fn group(delimiter: Delimiter, tokens: TokenStream) -> TokenTree {
    Group::new(delimiter, tokens).into()
}

fn punct(char: char, span: Span) -> TokenTree {
    let mut punct = Punct::new(char, Spacing::Alone);
    punct.set_span(span);
    punct.into()
}

/// The tokens of a path, all with this span.
fn path(path: &str, span: Span) -> TokenStream {
    let tokens: TokenStream = path.parse().unwrap_or_default();
    let spanned = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.into_iter().map(spanned).collect()
}
