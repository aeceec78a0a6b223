//! Checks that the item under the attribute can be an entry point.

use std::iter::Peekable;

use proc_macro::{Delimiter, Span, TokenStream, TokenTree, token_stream};

use crate::Refusal;

/// Checks `attributes visibility fn main() -> TYPE { … }`. Gives the span of the type, or of the name when there is none.
pub(crate) fn check(item: TokenStream) -> Result<Span, Refusal> {
    let mut tokens = item.into_iter().peekable();
    skip_attributes_and_visibility(&mut tokens);
    expect_fn(&mut tokens)?;
    let name = match tokens.next() {
        Some(TokenTree::Ident(name)) if name.to_string() == "main" => name.span(),
        other => {
            return Err(Refusal::new(
                span(other.as_ref()),
                "the entry point is called `main`",
            ));
        }
    };
    match tokens.next() {
        Some(TokenTree::Group(arguments)) if arguments.delimiter() == Delimiter::Parenthesis => {
            if !arguments.stream().is_empty() {
                let message =
                    "`main` has no arguments; those of the guest are in `rt::env::args()`";
                return Err(Refusal::new(arguments.span(), message));
            }
        }
        other => {
            return Err(Refusal::new(
                span(other.as_ref()),
                "`main` cannot be generic",
            ));
        }
    }
    // What is left: nothing but the body, or `-> TYPE` and the body. A `where` can only follow generics.
    let rest: Vec<TokenTree> = tokens.collect();
    match rest.as_slice() {
        [_, _, result, ..] => Ok(result.span()),
        _ => Ok(name),
    }
}

type Tokens = Peekable<token_stream::IntoIter>;

fn skip_attributes_and_visibility(tokens: &mut Tokens) {
    while tokens
        .next_if(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#'))
        .is_some()
    {
        tokens.next();
    }
    if tokens.next_if(|token| token.to_string() == "pub").is_some() {
        tokens.next_if(|token| matches!(token, TokenTree::Group(_)));
    }
}

/// Moves behind the word `fn`, unless something stands before it.
fn expect_fn(tokens: &mut Tokens) -> Result<(), Refusal> {
    let token = tokens.next();
    let word = token.as_ref().map(ToString::to_string).unwrap_or_default();
    let message = match word.as_str() {
        "fn" => return Ok(()),
        "async" => "`main` cannot be async; run an executor inside it".to_string(),
        "const" | "unsafe" | "extern" if is_function(tokens) => format!("`main` cannot be {word}"),
        _ => "`#[rt::main]` belongs on `fn main()`".to_string(),
    };
    Err(Refusal::new(span(token.as_ref()), message))
}

/// Whether a `fn` follows, as in `const fn` and not as in `const N: u32`.
fn is_function(tokens: &mut Tokens) -> bool {
    tokens
        .by_ref()
        .take(4)
        .any(|token| token.to_string() == "fn")
}

fn span(token: Option<&TokenTree>) -> Span {
    token.map_or_else(Span::call_site, TokenTree::span)
}
